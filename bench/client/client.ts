import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ChildProcess } from 'node:child_process'
import { endChild, startNode } from '../children.ts'
import type { Target } from './connect.ts'
import type { DeliveryJob, DeliveryResult } from './delivery.ts'
import type { LoadJob, LoadResult } from './load.ts'
import type { Answer, Job } from './process.ts'

/** The load client, in a process of its own. It does one job at a time. */
export class Client {
  readonly #child: ChildProcess

  constructor () {
    this.#child = startNode([fileURLToPath(new URL('./process.ts', import.meta.url))])
  }

  load (job: Omit<LoadJob, 'kind'>): Promise<LoadResult> {
    return this.#do({ kind: 'load', ...job }) as Promise<LoadResult>
  }

  /** Sends each of the requests once. */
  async send ({ port, ca }: Target, requests: Buffer[]): Promise<void> {
    const target = ca === undefined ? { port } : { port, ca }
    await this.#do({ kind: 'load', ...target, requests, connections: 64, warmupSeconds: 0, seconds: Infinity, once: true })
  }

  deliver (job: Omit<DeliveryJob, 'kind'>): Promise<DeliveryResult> {
    return this.#do({ kind: 'delivery', ...job }) as Promise<DeliveryResult>
  }

  async close (): Promise<void> {
    await endChild(this.#child)
  }

  async #do (job: Job): Promise<LoadResult | DeliveryResult> {
    this.#child.send(job)
    const settled = new AbortController()
    const { signal } = settled
    const ended = once(this.#child, 'exit', { signal }).then(() => { throw new Error('the client ended') })
    ended.catch(() => {})
    try {
      const [answer] = await Promise.race([once(this.#child, 'message', { signal }), ended]) as [Answer]
      if ('fault' in answer) throw new Error(answer.fault)
      return answer.result
    } finally {
      settled.abort()
    }
  }
}
