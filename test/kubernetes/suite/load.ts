import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { NodePod } from './node-pod.ts'
import { waitFor } from './wait-for.ts'

interface Written {
  revision: number
  data: string
}

/** Writers that go on until they are stopped or the test ends, one for each of these pods. */
export class Load {
  /** What was acknowledged. */
  readonly written: Written[] = []
  /** What was answered instead. */
  readonly refused: unknown[] = []
  readonly #writers: Promise<void>[]
  #goesOn = true

  constructor (t: Test, pods: readonly NodePod[]) {
    this.#writers = pods.map((pod) => this.#write(pod))
    t.teardown(() => this.stop())
  }

  async stop (): Promise<void> {
    this.#goesOn = false
    await Promise.all(this.#writers)
  }

  /** Each acknowledged write is in the feed of that pod, once, at the revision that was told. */
  async isKeptBy (pod: NodePod, t: Test): Promise<void> {
    const newest = Math.max(...this.written.map(({ revision }) => revision))
    const found: Written[] = []
    await waitFor(async () => {
      const { status, body } = await pod.call('GET', `/changes?since=${found.at(-1)?.revision ?? 0}&limit=1000`)
      if (status === 200) found.push(...body.changes as Written[])
      return (found.at(-1)?.revision ?? 0) >= newest
    }, `the feed of ${pod.name} up to ${newest}`)
    const wanted = new Set(this.written.map(({ data }) => data))
    const kept = found.filter(({ data }) => wanted.has(data)).map(({ revision, data }) => `${revision} ${data}`)
    t.same(kept, this.written.map(({ revision, data }) => `${revision} ${data}`).sort((one, other) => parseInt(one) - parseInt(other)),
      `${pod.name} has all ${wanted.size} acknowledged writes`)
  }

  async #write (pod: NodePod): Promise<void> {
    for (let count = 0; this.#goesOn; count++) {
      const data = `${count} through ${pod.name}`
      const { status, body } = await pod.call('POST', '/changes', { data }, data.replaceAll(' ', '-'))
      if (status === 201) this.written.push({ revision: body.revision as number, data })
      else this.refused.push({ status, body })
      await sleep(20)
    }
  }
}
