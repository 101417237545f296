import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { folder, until, type NodeProcess } from '../support/node.ts'
import { Network, withoutHosts } from './network.ts'
import { says, seen, voters } from './world.ts'

t.test('members that DNS names', { skip: withoutHosts('nft', 'dnsmasq') }, async (t) => {
  const network = new Network(t)
  const server = network.host('dns', { eth0: { lan: 'common', address: '10.77.0.53/24' } })
  const hosts = [1, 2, 3].map((n) => {
    const host = network.host(`h${n}`, { eth0: { lan: 'common', address: `10.77.0.${n}/24` } })
    host.nameServer('10.77.0.53')
    return host
  })
  const [one, two, three] = hosts as [typeof server, typeof server, typeof server]

  // A real server, whose answers are in a file that it reads again when it is told to.
  const names = join(folder(t), 'names')
  const tell = (lines: string[]): void => { writeFileSync(names, lines.map((line) => `${line}\n`).join('')) }
  tell([])
  const dnsmasq = server.start('dnsmasq', [
    '--keep-in-foreground', '--no-resolv', '--no-hosts', '--local=/test/', '--user=root', '--listen-address=10.77.0.53',
    '--bind-interfaces', '--pid-file=', '--dhcp-leasefile=/dev/null', `--addn-hosts=${names}`,
    '--srv-host=_changewell._tcp.cluster.test,one.test,9001,10', '--srv-host=_changewell._tcp.cluster.test,nobody.test,9001,5',
  ])
  const name = (lines: string[]): void => {
    tell(lines)
    dnsmasq.kill('SIGHUP')
  }
  const dataDirs = hosts.map(() => folder(t))
  const first = one.node({ CHANGEWELL_DATA_DIR: dataDirs[0] })
  await first.listening
  const running: NodeProcess[] = []

  await t.test('a name that is not known yet is waited for, and all its addresses are asked', async (t) => {
    const node = two.node({ CHANGEWELL_DATA_DIR: dataDirs[1], CHANGEWELL_JOIN: 'members.test:9001' })
    await says(node, /the name members\.test is not known to the DNS server/)
    // The loopback, this node itself, one where nobody is, and the member.
    name(['127.0.0.1 members.test', '10.77.0.2 members.test', '10.77.0.77 members.test', '10.77.0.1 members.test', '10.77.0.1 one.test'])
    t.same(await voters(one, ['10.77.0.1:9000', '10.77.0.2:9000']), ['10.77.0.1:9001', '10.77.0.2:9001'])
    await node.kill('SIGTERM')
  })

  await t.test('SRV records say host and port; one that leads nowhere holds nobody up', async (t) => {
    const second = two.node({ CHANGEWELL_DATA_DIR: dataDirs[1], CHANGEWELL_JOIN: 'members.test:9001' })
    await second.listening
    const node = three.node({ CHANGEWELL_DATA_DIR: dataDirs[2], CHANGEWELL_JOIN: '_changewell._tcp.cluster.test' })
    const all = ['10.77.0.1:9000', '10.77.0.2:9000', '10.77.0.3:9000']
    t.equal((await voters(one, all)).length, 3)
    await node.kill('SIGTERM')
    await second.kill('SIGTERM')
  })

  await t.test('without an answer of the DNS server a new node waits and says so, and a member comes back', async (t) => {
    server.run('nft', ['-f', '-'], 'table ip wall { chain in { type filter hook input priority 0; udp dport 53 drop; }; }')
    const member = two.node({ CHANGEWELL_DATA_DIR: dataDirs[1], CHANGEWELL_JOIN: 'members.test:9001' })
    await until(async () => (await one.get('http://10.77.0.2:9000/readyz'))?.status === 200, 'the member to be ready', 90)
    const four = network.host('h4', { eth0: { lan: 'common', address: '10.77.0.4/24' } })
    four.nameServer('10.77.0.53')
    const node = four.node({ CHANGEWELL_DATA_DIR: folder(t), CHANGEWELL_JOIN: 'members.test:9001,one.test:9001' })
    await says(node, /the name (members|one)\.test (could not be looked up|was not looked up)/)
    t.equal((await four.get('http://127.0.0.1:9000/livez'))?.status, 200, 'it serves meanwhile')
    server.run('nft', ['delete', 'table', 'ip', 'wall'])
    await until(async () => (await seen(four, '10.77.0.4:9000'))?.members.length === 4, 'it to join', 90)
    running.push(node, member)
  })

  await t.test('while DNS answers too late, or with a member of another cluster, a new node waits and says so', async (t) => {
    const stranger = network.host('stranger', { eth0: { lan: 'common', address: '10.77.0.66/24' } })
    await stranger.node().listening
    const five = network.host('h5', { eth0: { lan: 'common', address: '10.77.0.5/24' } })
    five.nameServer('10.77.0.53', 'timeout:30')
    dnsmasq.kill('SIGSTOP')
    const node = five.node({ CHANGEWELL_DATA_DIR: folder(t), CHANGEWELL_JOIN: 'members.test:9001' })
    await says(node, /the name members\.test was not looked up within 5000 ms: the DNS server is slow or away/)
    name(['10.77.0.1 members.test', '10.77.0.66 members.test'])
    dnsmasq.kill('SIGCONT')
    await says(node, /members of several clusters.*at 10\.77\.0\.66:9001/)
    t.equal((await seen(one, '10.77.0.66:9000'))?.members.length, 1, 'the other cluster does not have it')
    t.equal((await seen(one, '10.77.0.1:9000'))?.members.length, 4, 'nor has this one')
    name(['10.77.0.1 members.test'])
    await until(async () => (await seen(five, '10.77.0.5:9000'))?.members.length === 5, 'it to join', 90)
    await Promise.all([first, node, ...running].map((each) => each.kill('SIGKILL')))
  })

  await t.test('nodes that have all moved at one time find each other by their ids', async (t) => {
    // The others stay away: all of these three are needed for a majority, and none is where the node list has it.
    for (const [at, host] of hosts.entries()) {
      host.ip(`addr del 10.77.0.${at + 1}/24 dev eth0`)
      host.ip(`addr add 10.77.0.${at + 101}/24 dev eth0`)
    }
    name([101, 102, 103].map((last) => `10.77.0.${last} members.test`))
    const nodes = hosts.map((host, at) => (
      host.node({ CHANGEWELL_DATA_DIR: dataDirs[at], CHANGEWELL_JOIN: 'members.test:9001' })))
    const moved = [101, 102, 103].map((last) => `10.77.0.${last}`)
    await until(async () => {
      const found = await seen(one, `${moved[0]}:9000`)
      const addresses = found?.members.map(({ peerAddress }) => peerAddress) ?? []
      return found?.leader != null && moved.every((host) => addresses.includes(`${host}:9001`))
    }, 'the node list to have the new addresses', 120)
    t.ok(nodes.some(({ lines }) => lines.some((line) => /a member is found at another address/.test(line))))
  })
})
