import { rm } from 'node:fs/promises'
import type { Chance } from '../../simulation/chance.ts'
import { until } from '../../support/node.ts'
import type { Clients } from '../clients.ts'
import type { Cluster, ClusterNode } from '../cluster.ts'

/** What happens to a cluster of three, while clients go on. It returns when all is as it should be again. */
type Fault = (cluster: Cluster, clients: Clients, chance: Chance) => Promise<void>

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
