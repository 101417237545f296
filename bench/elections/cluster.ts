import { freePort } from '../children.ts'
import { ask } from '../contenders/contender.ts'
import { startBuiltNode, type NodeProcess } from '../contenders/changewell.ts'

interface View {
  id: string
  leader: string | null
  term: number
  members: { id: string, state: string, peerAddress: string }[]
}

interface RunningNode {
  id: string
  dataDir: string
  /** Where it comes back: of nodes that all moved, with nobody to ask where, none would find another. */
  env: Record<string, string>
  process: NodeProcess
}

/** So often the nodes are asked who leads. */
const pollMs = 2

/** Where nobody leads after so long, it is not waited for any longer: the times are too short for the machine. */
export const giveUpMs = 10_000

/** Three built nodes of which any can be killed, and comes back with what it had. */
export class ElectionCluster {
  readonly #dist: string
  #nodes: RunningNode[] = []

  private constructor (dist: string) {
    this.#dist = dist
  }

  static async start (dist: string, folder: string): Promise<ElectionCluster> {
    const cluster = new ElectionCluster(dist)
    const first = await cluster.#add(`${folder}/1`)
    const [own] = (await viewOf(first)).members
    for (const name of [2, 3]) await cluster.#add(`${folder}/${name}`, { CHANGEWELL_JOIN: own!.peerAddress })
    await until(async () => (await viewOf(first)).members.filter(({ state }) => state === 'voter').length === 3)
    await ask(first.process, 'POST', '/tenants', { name: 'bench' })
    await ask(first.process, 'POST', '/tenants/bench/collections', { name: 'values' })
    return cluster
  }

  /** Resolves when all nodes go by these times. */
  async setTimes (heartbeatMs: number, electionMs: number): Promise<void> {
    await until(async () => {
      const { process } = await this.#leader()
      return await ask(process, 'PUT', '/cluster/settings', { heartbeatMs, electionMs }).then(() => true, () => false)
    })
    await until(async () => (await Promise.all(this.#nodes.map(async ({ process }) => (
      JSON.parse(await ask(process, 'GET', '/cluster/settings')) as { electionMs: number })))).every((now) => now.electionMs === electionMs))
  }

  /** The newest term that any node knows: each election, won or not, begins another. */
  async term (): Promise<number> {
    const views = await Promise.all(this.#nodes.map((node) => viewOf(node).catch(() => null)))
    return Math.max(...views.map((view) => view?.term ?? 0))
  }

  /** Writes through one node after another, until it is told to stop. */
  async write (isStopped: () => boolean): Promise<void> {
    for (let n = 0; !isStopped(); n++) {
      const { process } = this.#nodes[n % this.#nodes.length]!
      await ask(process, 'PUT', `/tenants/bench/collections/values/keys/k${n % 100}`, { data: n }).catch(() => {})
    }
  }

  /**
   * Kills the leader, once all follow one. Resolves to the milliseconds until another leads, and at most to `giveUpMs`;
   * the first is back by then.
   */
  async killLeader (): Promise<number> {
    const leader = await this.#leader(giveUpMs).catch(() => null)
    if (leader === null) return giveUpMs
    const others = this.#nodes.filter((node) => node !== leader)
    const begun = performance.now()
    process.kill(leader.process.pid, 'SIGKILL')
    const hasLed = async (): Promise<boolean> => (await Promise.all(others.map(leads))).includes(true)
    await until(async () => performance.now() - begun > giveUpMs || await hasLed())
    const milliseconds = Math.min(performance.now() - begun, giveUpMs)
    await leader.process.stop()
    leader.process = await startBuiltNode({ dist: this.#dist, dataDir: leader.dataDir, env: leader.env })
    return milliseconds
  }

  async close (): Promise<void> {
    await Promise.all(this.#nodes.map(({ process }) => process.stop()))
  }

  async #leader (patienceMs?: number): Promise<RunningNode> {
    let found: RunningNode | undefined
    await until(async () => {
      const views = await Promise.all(this.#nodes.map((node) => viewOf(node).catch(() => null)))
      found = this.#nodes.find(({ id }, at) => views[at]?.leader === id)
      // Whoever does not follow yet would not be there to elect another.
      return found !== undefined && views.every((view) => view?.leader === found!.id)
    }, patienceMs)
    return found!
  }

  async #add (dataDir: string, join: Record<string, string> = {}): Promise<RunningNode> {
    const env = { CHANGEWELL_PEER_PORT: String(await freePort()) }
    const process = await startBuiltNode({ dist: this.#dist, dataDir, env: { ...env, ...join } })
    const node = { id: '', dataDir, env, process }
    node.id = (await viewOf(node)).id
    this.#nodes.push(node)
    return node
  }
}

async function viewOf ({ process }: RunningNode): Promise<View> {
  return JSON.parse(await ask(process, 'GET', '/cluster')) as View
}

async function leads (node: RunningNode): Promise<boolean> {
  const view = await viewOf(node).catch(() => null)
  return view !== null && view.leader === view.id
}

async function until (condition: () => Promise<boolean>, patienceMs = 60_000): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`the cluster did not get there within ${patienceMs} ms`)
    await new Promise((resolve) => { setTimeout(resolve, pollMs) })
  }
}
