import { Random } from '../../support/random.ts'
import { until } from '../../support/node.ts'
import type { Cluster, ClusterNode } from '../cluster.ts'
import { requestOf, someOperation, type Operation, type Result } from './operation.ts'

/** An operation is tried so often, then its outcome stays unknown. */
const attemptsMax = 200

/** Clients that write, read and delete in the same few places without a pause, each through one node after another. */
export class TurnoverClients {
  readonly operations: Operation[] = []
  readonly #cluster: Cluster
  readonly #running: Promise<void>[]
  /** The newest revision that any answer has shown. */
  #floor = 0
  #stopped = false

  constructor (cluster: Cluster, count: number, random: Random) {
    this.#cluster = cluster
    this.#running = Array.from({ length: count }, (_, n) => this.#run(n, new Random(random.below(1e9))))
  }

  /** How many answers there are for which this holds. */
  count (holds: (operation: Operation, result: Result) => boolean): number {
    return this.operations.filter((operation) => operation.result !== null && holds(operation, operation.result)).length
  }

  /** Resolves when so many more were answered. */
  async answered (more: number): Promise<void> {
    const goal = this.count(() => true) + more
    await until(() => this.count(() => true) >= goal, `${more} more answers`, 90)
  }

  async stop (): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
  }

  async #run (n: number, random: Random): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const operation = someOperation(random, `${n}-${turn}`, this.#floor)
      this.operations.push(operation)
      for (let failed = 0; operation.result === null && failed < attemptsMax && !this.#stopped; failed++) {
        const { up } = this.#cluster
        const node = up[(n + turn + failed) % up.length]
        if (node !== undefined) operation.result = await ask(node, operation).catch(() => null)
        if (operation.result === null) await new Promise((resolve) => { setTimeout(resolve, 20) })
      }
      const { result } = operation
      if (result === null) continue
      operation.returned = performance.now()
      this.#floor = Math.max(this.#floor, result.database, result.what === 'done' ? result.revision : 0)
    }
  }
}

/** Null when the node does not tell what became of it; asked again, with the same key, it happens once. */
async function ask (node: ClusterNode, operation: Operation): Promise<Result | null> {
  const { method, path, body } = requestOf(operation)
  const answer = await node.call(method, path, body, method === 'GET' ? {} : { 'idempotency-key': operation.id })
  if (answer.status >= 500) return null
  const database = Number(answer.headers.get('changewell-revision'))
  if (answer.status >= 400) return { what: 'refused', code: answer.body.code as string, database }
  const last = (answer.body.changes as { revision: number }[] | undefined)?.at(-1) ?? answer.body
  return { what: 'done', revision: last.revision as number, database }
}
