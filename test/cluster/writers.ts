import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { until } from '../support/node.ts'
import type { Cluster, ClusterNode } from './cluster.ts'

/** Makes the tenant and the collection that the tests write to. */
export async function seed (node: ClusterNode): Promise<void> {
  await node.call('POST', '/tenants', { name: 't' })
  await node.call('POST', '/tenants/t/collections', { name: 'c' })
}

interface Acknowledged {
  revision: number
  key: string
  value: string
}

/**
 * Clients that write without a pause, each through one node after another, with a retry of every request whose outcome
 * it does not know. What was acknowledged must be in the feed: at its revision, once.
 */
export class Writers {
  readonly #cluster: Cluster
  readonly #acknowledged: Acknowledged[] = []
  /** Values of writes that were given up without an answer. */
  readonly #unknown = new Set<string>()
  readonly #running: Promise<void>[] = []
  #stopped = false
  #count = 0
  readonly #name = randomUUID().slice(0, 8)

  private constructor (cluster: Cluster) {
    this.#cluster = cluster
  }

  static start (cluster: Cluster, count: number): Writers {
    const writers = new Writers(cluster)
    for (let n = 0; n < count; n++) writers.#running.push(writers.#run(n))
    return writers
  }

  get count (): number {
    return this.#acknowledged.length
  }

  /** Resolves when so many more writes were acknowledged. */
  async acknowledged (more: number): Promise<void> {
    const goal = this.count + more
    await until(() => this.count >= goal, `${more} more writes`, 60)
  }

  async stop (): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
  }

  /** Reads the whole feed of every node that is up. */
  async check (t: Test): Promise<void> {
    for (const node of this.#cluster.up) {
      const last = Math.max(...this.#acknowledged.map(({ revision }) => revision))
      const feed = await feedOf(node, last)
      t.same(feed.map(({ revision }) => revision), feed.map((_, at) => at + 1), `${node.name} has no gap and no repeat`)
      const values = new Map<string, number>()
      for (const { revision, data } of feed) {
        if (typeof data !== 'string' || !data.startsWith(this.#name)) continue
        if (values.has(data)) t.fail(`${data} was written twice on ${node.name}: ${values.get(data)} and ${revision}`)
        values.set(data, revision)
      }
      const lost = this.#acknowledged.filter(({ value, revision }) => values.get(value) !== revision)
      t.same(lost, [], `${node.name} holds all ${this.count} acknowledged writes at their revisions`)
    }
  }

  async #run (n: number): Promise<void> {
    for (let turn = n; !this.#stopped; turn++) {
      const value = `${this.#name}-${n}-${this.#count++}`
      const key = `k${turn % 7}`
      const idempotencyKey = randomUUID()
      // The same write, through one node after another, until one tells what became of it.
      for (let tries = 0; tries < 200 && !this.#stopped; tries++) {
        const up = this.#cluster.up
        const node = up[(turn + tries) % up.length]!
        const answer = await node.put(key, value, { 'idempotency-key': idempotencyKey }).catch(() => null)
        if (answer !== null && answer.status < 300) {
          this.#acknowledged.push({ revision: answer.body.revision as number, key, value })
          break
        }
        if (answer !== null && answer.status < 500) throw new Error(`a write was refused: ${JSON.stringify(answer.body)}`)
        this.#unknown.add(value)
        await new Promise((resolve) => { setTimeout(resolve, 20) })
      }
    }
  }
}

interface Change {
  revision: number
  data: unknown
}

/** All changes up to a revision, once the node has it. */
export async function feedOf (node: ClusterNode, until: number): Promise<Change[]> {
  const changes: Change[] = []
  let since = 0
  while (since < until) {
    const { status, body } = await node.get(`/changes?since=${since}&limit=1000&block=10`)
    if (status !== 200) throw new Error(`${node.name}: ${JSON.stringify(body)}`)
    changes.push(...body.changes as Change[])
    since = body.lastRevision as number
  }
  return changes
}
