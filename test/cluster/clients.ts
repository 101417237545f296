import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { Canon } from '../simulation/canon.ts'
import { History, type Operation, type OperationKind } from '../simulation/history.ts'
import { checkAcknowledged, checkKeys } from '../simulation/key-law.ts'
import { until } from '../support/node.ts'
import type { Cluster, ClusterNode } from './cluster.ts'
import { follow, readOn } from './feed-follower.ts'
import { ask } from './requests.ts'

/** Makes the tenant and the collection that the tests write to. */
export async function seed (node: ClusterNode): Promise<void> {
  for (const [path, name] of [['/tenants', 't'], ['/tenants/t/collections', 'c']] as const) {
    const { status, body } = await node.written('POST', path, { name })
    if (status !== 201) throw new Error(`${name} was not made: ${JSON.stringify(body)}`)
  }
}

const keys = 7

/** An operation is tried so often, then its outcome stays unknown. */
const attemptsMax = 200

/** So many operations a client stays with a node. */
const stay = 10

const kinds: OperationKind[] = [
  'put', 'read', 'compare', 'put', 'read', 'delete', 'read', 'put', 'record', 'read', 'compare', 'put',
]

/**
 * Clients that ask without a pause, each through one node after another, and again until they are told what became of
 * it; and readers that follow the feed, a page from this node and a page from that. What they asked and were told is
 * recorded, and the laws of the simulator judge it.
 */
export class Clients {
  readonly history = new History()
  /** The feed as everybody must see it. */
  readonly canon = new Canon()
  readonly #cluster: Cluster
  readonly #running: Promise<void>[] = []
  #stopped = false
  #asked = 0
  #acknowledged = 0
  #acknowledgedAt = performance.now()
  #pauseMs = 0
  #retriesMost = 0
  readonly #name = randomUUID().slice(0, 8)

  private constructor (cluster: Cluster) {
    this.#cluster = cluster
  }

  /** So many that ask, and two that read the feed. */
  static start (cluster: Cluster, count: number): Clients {
    const clients = new Clients(cluster)
    for (let n = 0; n < count; n++) clients.#running.push(clients.#run(n))
    for (let n = 0; n < 2; n++) clients.#running.push(follow(cluster, clients.canon, n, () => clients.#stopped))
    return clients
  }

  /** Writes that were acknowledged. */
  get count (): number {
    return this.#acknowledged
  }

  /** The most times that one request had to be sent again. */
  get retriesMost (): number {
    return this.#retriesMost
  }

  /** The longest time between two acknowledged writes. */
  get pauseMs (): number {
    return this.#pauseMs
  }

  /** Requests that were given up without an answer. */
  get unknown (): number {
    return this.history.operations.filter(({ result }) => result === null).length
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

  /** Stops them; all nodes that are up end with the same database; and all that clients were told is judged. */
  async end (t: Test): Promise<void> {
    await this.stop()
    const checksum = await this.#cluster.checksum()
    t.comment(`all ${this.#cluster.up.length} nodes end with checksum ${checksum}`)
    await this.check(t)
  }

  /**
   * Reads the whole feed of every node that is up, and judges what all clients were told: the feed is one and has no
   * gap, what was acknowledged is in it where it was said to be and nothing is twice, and keys are linearizable.
   */
  async check (t: Test): Promise<void> {
    const last = Math.max(...this.history.operations.map(({ result }) => result?.database ?? 0))
    for (const node of this.#cluster.up) {
      let position = 0
      while (position < last) position = await readOn(node, this.canon, position, 1000)
      t.ok(position >= last, `${node.name} has the feed up to ${last}, without a gap`)
    }
    checkAcknowledged(this.history, this.canon)
    checkKeys(this.history, this.canon)
    t.comment(`judged ${this.history.operations.length} operations: ${this.count} writes acknowledged, ` +
      `${this.unknown} outcomes unknown, at most ${this.#retriesMost} retries, longest pause in writes ${Math.round(this.#pauseMs)} ms`)
  }

  async #run (n: number): Promise<void> {
    /** The newest revisions that this client knows. */
    const known = new Map<string, number>()
    let at = n
    for (let turn = n; !this.#stopped; turn++) {
      const kind = kinds[(turn * 5 + n) % kinds.length]!
      const key = `${this.#name}-${turn % keys}`
      const id = `${this.#name}-${n}-${this.#asked++}`
      const expected = kind === 'compare' ? known.get(key) ?? 0 : 0
      const operation = this.history.call(id, kind, key, expected, performance.now())
      // As clients do, it stays with a node that answers; now and then it tries another.
      if (turn % stay === 0) at++
      at += await this.#ask(operation, at)
      const { result } = operation
      if (result?.what === 'seen') known.set(key, result.revision)
      if (result?.what !== 'done') continue
      this.#acknowledged++
      this.#pauseMs = Math.max(this.#pauseMs, operation.returned - this.#acknowledgedAt)
      this.#acknowledgedAt = operation.returned
      if (kind !== 'record') known.set(key, kind === 'delete' ? 0 : result.revision)
    }
  }

  /** The same request, through one node after another, until one tells what became of it. Returns how many did not. */
  async #ask (operation: Operation, from: number): Promise<number> {
    let failed = 0
    for (; failed < attemptsMax && !this.#stopped; failed++) {
      const { up } = this.#cluster
      const result = up.length === 0 ? null : await ask(up[(from + failed) % up.length]!, operation)
      if (result !== null) {
        this.history.answer(operation, result, performance.now())
        this.#retriesMost = Math.max(this.#retriesMost, failed)
        break
      }
      await new Promise((resolve) => { setTimeout(resolve, 20) })
    }
    return failed
  }
}
