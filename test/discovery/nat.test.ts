import t from 'tap'
import { folder } from '../support/node.ts'
import { Network, withoutHosts } from './network.ts'
import { says, seen, voters } from './world.ts'

/** What Docker does for a container with published ports: into it by DNAT, out of it under the host's address. */
const published = `
table ip nat {
  chain in {
    type nat hook prerouting priority dstnat;
    tcp dport 19001 dnat to 172.18.0.2:9001;
    tcp dport 19000 dnat to 172.18.0.2:9000;
  }
  chain out { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
}`

t.test('a node in a container whose ports are published', { skip: withoutHosts('nft') }, async (t) => {
  const network = new Network(t)
  const one = network.host('one', { eth0: { lan: 'common', address: '10.77.0.1/24' } })
  const docker = network.host('docker', {
    eth0: { lan: 'common', address: '10.77.0.9/24' }, docker0: { lan: 'inside', address: '172.18.0.1/16' },
  })
  const container = network.host('container', { eth0: { lan: 'inside', address: '172.18.0.2/16' } })
  container.ip('route add default via 172.18.0.1')
  docker.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
  docker.run('nft', ['-f', '-'], published)
  await one.node().listening
  const settings = { CHANGEWELL_DATA_DIR: folder(t), CHANGEWELL_JOIN: '10.77.0.1:9001' }

  await t.test('without CHANGEWELL_ADVERTISE it is refused, with an error that names the setting', async (t) => {
    const node = container.node(settings)
    t.match(await says(node, /waits to join.*172\.18\.0\.2:9001/),
      /reach it at 172\.18\.0\.2:9001, and node [0-9a-f]{16} does not: .*Set CHANGEWELL_ADVERTISE.*published port/)
    const ready = await container.get('http://127.0.0.1:9000/readyz')
    t.match(ready, { status: 503, body: { detail: /CHANGEWELL_ADVERTISE/ } })
    t.equal((await seen(one, '10.77.0.1:9000'))!.members.length, 1, 'nobody has it on the list')
    await node.kill('SIGTERM')
  })

  await t.test('with it, other nodes and clients reach it from outside', async (t) => {
    container.node({ ...settings, CHANGEWELL_ADVERTISE: '10.77.0.9:19001,10.77.0.9:19000' })
    t.same(await voters(one, ['10.77.0.1:9000', '10.77.0.9:19000']), ['10.77.0.1:9001', '10.77.0.9:19001'])
    const { members } = (await seen(one, '10.77.0.1:9000'))!
    t.same(members.map(({ apiAddress }) => apiAddress).sort(), ['10.77.0.1:9000', '10.77.0.9:19000'])
  })
})
