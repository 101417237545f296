import t from 'tap'
import { folder, until } from '../support/node.ts'
import { Network, withoutHosts } from './network.ts'
import { says, seen, voters } from './world.ts'

const skip = withoutHosts('nft')

t.test('hosts with several interfaces', { skip }, async (t) => {
  const network = new Network(t)
  // Each has two that lead nowhere, found before the common one, and two hosts have their default route there.
  const hosts = [1, 2, 3].map((n) => network.host(`h${n}`, {
    docker0: { lan: `own${n}`, address: `172.17.0.${n}/16` },
    eth0: { lan: `far${n}`, address: `10.50.${n}.2/24` },
    eth1: { lan: 'common', address: `10.77.0.${n}/24` },
  }))
  const [one, two, three] = hosts as [typeof hosts[0], typeof hosts[0], typeof hosts[0]]
  one!.ip('route add default via 10.77.0.254 dev eth1')
  for (const [at, host] of [two!, three!].entries()) host.ip(`route add default via 10.50.${at + 2}.1 dev eth0`)
  const dataDirs = hosts.map(() => folder(t))
  const api = (n: number) => `10.77.0.${n}:9000`
  const join = { CHANGEWELL_JOIN: '10.77.0.1:9001' }

  let id = ''

  const first = one!.node({ CHANGEWELL_DATA_DIR: dataDirs[0] })
  await first.listening

  await t.test('each tells the address at which the others reach it, and why', async (t) => {
    t.match(await says(first, /tells nodes to reach it/),
      /10\.77\.0\.1:9001.*eth1 has it, through which the default route goes/)
    const second = two!.node({ CHANGEWELL_DATA_DIR: dataDirs[1], ...join })
    t.match(await says(second, /tells nodes to reach it/), /10\.77\.0\.2:9001.*the way to 10\.77\.0\.1 begins there/)
    await voters(one!, [api(1), api(2)])
    const third = three!.node({ CHANGEWELL_DATA_DIR: dataDirs[2], CHANGEWELL_JOIN: '10.77.0.2:9001' })
    const found = await voters(one!, [api(1), api(2), api(3)])
    t.same(found, ['10.77.0.1:9001', '10.77.0.2:9001', '10.77.0.3:9001'])
    t.same((await seen(one!, api(3)))!.members.map(({ apiAddress }) => apiAddress).sort(), [api(1), api(2), api(3)])
    id = (await seen(one!, api(3)))!.id
    await third.kill('SIGTERM')
    await second.kill('SIGTERM')
  })

  await t.test('one that comes back at another address, behind the same id, is found again', async (t) => {
    const second = two!.node({ CHANGEWELL_DATA_DIR: dataDirs[1], ...join })
    await second.listening
    three!.ip('addr del 10.77.0.3/24 dev eth1')
    three!.ip('addr add 10.77.0.33/24 dev eth1')
    const third = three!.node({ CHANGEWELL_DATA_DIR: dataDirs[2] })
    t.match(await says(third, /tells nodes to reach it/), /10\.77\.0\.33:9001.*the way to 10\.77\.0\.[12] begins there/)
    const all = [api(1), api(2), api(33)]
    await until(async () => (await voters(one!, all)).includes('10.77.0.33:9001'), 'the node list to say so', 90)
    t.equal((await seen(one!, api(33)))!.id, id)
    await third.kill('SIGTERM')
  })

  await t.test('one that nobody reaches is refused with the setting that helps, and taken in once it can be', async (t) => {
    const four = network.host('h4', { eth0: { lan: 'common', address: '10.77.0.4/24' } })
    const rules = (words: string): void => four.run('nft', ['-f', '-'], words)
    rules('table ip wall { chain in { type filter hook input priority 0; tcp dport 9001 reject with tcp reset; }; }')
    const node = four.node({ CHANGEWELL_DATA_DIR: folder(t), ...join })
    t.match(await says(node, /waits to join.*10\.77\.0\.4:9001/),
      /others reach it at 10\.77\.0\.4:9001.*Set CHANGEWELL_ADVERTISE/)
    const listed = (await seen(one!, api(1)))!.members.map(({ peerAddress }) => peerAddress)
    t.notOk(listed.includes('10.77.0.4:9001'), 'it is not on the list')
    rules('delete table ip wall')
    const found = await voters(four, [api(1), api(4)], 4)
    t.ok(found.includes('10.77.0.4:9001'))
  })

  await t.test('one that listens on the loopback is told so before it tries to join others', async (t) => {
    const five = network.host('h5', { eth0: { lan: 'common', address: '10.77.0.5/24' } })
    const node = five.node({ CHANGEWELL_DATA_DIR: folder(t), CHANGEWELL_PEER_HOST: '127.0.0.1', ...join })
    t.match(await node.ended, { code: 1 })
    t.match(node.lines.join('\n'), /changewell: this node listens for others at 127\.0\.0\.1.*Set CHANGEWELL_PEER_HOST/)
  })
})
