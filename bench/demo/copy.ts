import { dataOf } from './raw-json.ts'

interface ChangeHead {
  revision: number
  type: string
  collection?: string
  key?: string
}

export interface Value {
  revision: number
  /** JSON text, byte for byte as the feed brought it. */
  data: string
}

/** A copy of one tenant's keys that follows the feed. It wants every change, in order, and none twice. */
export class Copy {
  readonly collections = new Map<string, Map<string, Value>>()
  /** When each change arrived, by its revision: milliseconds of the monotonic clock. */
  readonly arrivedMs: number[] = []
  revision = 0

  /** @throws Error when a change is missing or comes again. */
  apply (text: string, arrivedMs: number): void {
    const data = dataOf(text)
    // The data stays as it is; only what stands before it is read.
    const head = JSON.parse(data === null ? text : `${text.slice(0, text.length - data.length - ',"data":}'.length)}}`) as ChangeHead
    if (head.revision !== this.revision + 1) throw new Error(`the feed went from change ${this.revision} to ${head.revision}`)
    this.revision = head.revision
    this.arrivedMs[head.revision] = arrivedMs
    this.#take(head, data)
  }

  #take ({ revision, type, collection, key }: ChangeHead, data: string | null): void {
    if (collection === undefined) return
    if (type === 'collection-create') this.collections.set(collection, new Map())
    if (type === 'collection-delete') this.collections.delete(collection)
    if (key === undefined) return
    if (type === 'put') this.collections.get(collection)?.set(key, { revision, data: data ?? 'null' })
    if (type === 'delete') this.collections.get(collection)?.delete(key)
  }
}
