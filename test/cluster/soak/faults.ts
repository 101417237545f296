import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Chance } from '../../simulation/chance.ts'
import { hangDisk } from '../../support/hung-disk.ts'
import { until } from '../../support/node.ts'
import { smallDisk } from '../../support/small-disk.ts'
import type { Clients } from '../clients.ts'
import type { Cluster, ClusterNode } from '../cluster.ts'
import { comesBack } from '../comes-back.ts'

/** What happens to a cluster of three, while clients go on. It returns when all is as it should be again. */
type Fault = (cluster: Cluster, clients: Clients, chance: Chance, t: Test) => Promise<void>

/** Writes that must get through while a fault lasts, where a majority is left. */
const meanwhile = 20

export const faults: Record<string, Fault> = {
  'leader killed': async (cluster, clients) => {
    await killed(await cluster.leader(), clients)
  },
  'follower killed': async (cluster, clients, chance) => {
    await killed(chance.pick(await cluster.followers()), clients)
  },
  'all killed': async (cluster) => {
    const nodes = cluster.up
    await Promise.all(nodes.map((node) => node.kill()))
    await Promise.all(nodes.map((node) => node.start()))
  },
  'majority killed': async (cluster, _, chance) => {
    const nodes = chance.shuffled(cluster.up).slice(0, 2)
    await Promise.all(nodes.map((node) => node.kill()))
    await Promise.all(nodes.map((node) => node.start()))
  },
  'leader stopped': async (cluster, clients) => {
    const { process: { child } } = await cluster.leader()
    child.kill('SIGSTOP')
    await clients.acknowledged(meanwhile)
    child.kill('SIGCONT')
  },
  'leader cut off': async (cluster, clients) => {
    cluster.cutOff(await cluster.leader())
    await clients.acknowledged(meanwhile)
    cluster.healAll()
  },
  'follower cut off': async (cluster, clients, chance) => {
    cluster.cutOff(chance.pick(await cluster.followers()))
    await clients.acknowledged(meanwhile)
    cluster.healAll()
  },
  'node that hears nobody': async (cluster, clients, chance) => {
    chance.pick(cluster.up).proxy.cut('*')
    await clients.acknowledged(meanwhile)
    cluster.healAll()
  },
  'node that nobody hears': async (cluster, clients, chance) => {
    const mute = chance.pick(cluster.up)
    for (const { proxy } of cluster.nodes) proxy.cut(mute.id)
    await clients.acknowledged(meanwhile)
    cluster.healAll()
  },
  'rolling restart': async (cluster, clients) => {
    for (const node of cluster.up) {
      await node.kill('SIGTERM')
      await clients.acknowledged(meanwhile)
      await node.start()
      await until(async () => (await node.get('/readyz')).status === 200, 'it to be ready', 60)
    }
  },
  'leadership handed on': async (cluster, clients) => {
    for (let n = 0; n < 3; n++) {
      const leader = await cluster.leader()
      await leader.call('PUT', '/cluster/leader', { id: cluster.up.find((node) => node !== leader)!.id })
      await clients.acknowledged(meanwhile)
    }
  },
  'member replaced': async (cluster, clients, chance) => {
    const gone = chance.pick(cluster.up)
    await cluster.add({ CHANGEWELL_JOIN: cluster.up[0]!.proxy.address })
    await cluster.settled()
    await left(cluster, gone)
    await gone.kill('SIGTERM')
    await clients.acknowledged(meanwhile)
  },
  'disk lost': async (cluster, clients, chance) => {
    const gone = chance.pick(cluster.up)
    await gone.kill()
    await rm(gone.dataDir, { recursive: true })
    await clients.acknowledged(meanwhile)
    await left(cluster, gone)
    await cluster.add({ CHANGEWELL_JOIN: cluster.up[0]!.proxy.address })
  },
  'disk of the leader hangs': async (cluster, clients) => {
    const leader = await cluster.leader()
    const release = hangDisk(leader.process.child.pid!)
    await until(async () => (await cluster.leader(cluster.up.filter((node) => node !== leader))) !== leader, 'another leader', 60)
    await clients.acknowledged(meanwhile)
    release()
    await comesBack(leader)
  },
  'disk of the leader full': async (cluster, clients, _, t) => {
    const disk = await smallDisk(t)
    const node = await cluster.add({
      CHANGEWELL_JOIN: cluster.up[0]!.proxy.address, CHANGEWELL_DATA_DIR: join(disk.path, 'data'), ...disk.environment,
    })
    await cluster.settled()
    const others = cluster.up.filter((other) => other !== node)
    await until(async () => (await node.call('PUT', '/cluster/leader', { id: node.id })).status === 200, 'it to lead', 60)
    disk.fill()
    await filled(others[0]!, 40)
    await clients.acknowledged(meanwhile)
    disk.free()
    await comesBack(node)
    await left(cluster, node)
    await node.kill('SIGTERM')
  },
  'follower away past compaction': async (cluster, clients, chance) => {
    const away = chance.pick(await cluster.followers())
    await away.kill()
    await filled(await cluster.leader(), 40)
    await clients.acknowledged(meanwhile)
    await away.start()
    await comesBack(away)
  },
  'two join one after another': async (cluster, clients) => {
    const joined: ClusterNode[] = []
    await filled(await cluster.leader(), 40)
    for (let n = 0; n < 2; n++) {
      joined.push(await cluster.add({ CHANGEWELL_JOIN: cluster.up[0]!.proxy.address }))
      await cluster.settled()
      await clients.acknowledged(meanwhile)
    }
    for (const node of joined) {
      await left(cluster, node)
      await node.kill('SIGTERM')
    }
  },
}

/** Writes so many large values: more than the log keeps, or than a full disk takes. */
async function filled (node: ClusterNode, values: number): Promise<void> {
  const data = 'x'.repeat(20_000)
  for (let n = 0; n < values; n++) {
    await until(async () => {
      const answer = await node.put(`filler-${n % 5}`, data).catch(() => null)
      return answer !== null && answer.status < 300
    }, 'a large value to be written', 60)
  }
}

async function killed (node: ClusterNode, clients: Clients): Promise<void> {
  await node.kill()
  await clients.acknowledged(meanwhile)
  await node.start()
}

/** Takes a node off the list: asked of another one, again until it is so. */
async function left (cluster: Cluster, gone: ClusterNode): Promise<void> {
  await until(async () => {
    const asked = cluster.up.find((node) => node !== gone)!
    const answer = await asked.call('DELETE', `/cluster/members/${gone.id}`).catch(() => null)
    return answer !== null && [204, 404, 410].includes(answer.status)
  }, 'the removal of a member', 60)
}
