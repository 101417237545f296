/** What the reader of a connection wants to know. */
export interface ResponseEvents {
  /** A part of a body, in the order of arrival; parts need not be whole lines or whole characters. */
  onBody?: (part: Buffer) => void
  onEnd: (status: number) => void
}

type State = 'head' | 'body' | 'chunk-size' | 'chunk' | 'chunk-end' | 'last-chunk-end'

const headEnd = Buffer.from('\r\n\r\n')
const lineEnd = Buffer.from('\r\n')

/**
 * Takes HTTP/1.1 responses apart (RFC 9112), as little of them as a load client must know: where each one ends. Bodies
 * have a content-length or are chunked, without trailers.
 */
export class ResponseReader {
  readonly #events: ResponseEvents
  #state: State = 'head'
  #status = 0
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0
  /** The beginning of a head or a line whose end has not come yet. */
  #rest: Buffer | null = null

  constructor (events: ResponseEvents) {
    this.#events = events
  }

  push (bytes: Buffer): void {
    const all = this.#rest === null ? bytes : Buffer.concat([this.#rest, bytes])
    this.#rest = null
    for (let at = 0; at < all.length;) {
      const next = this.#take(all, at)
      if (next === at) {
        this.#rest = all.subarray(at)
        return
      }
      at = next
    }
  }

  /** Takes what begins at `at` and returns where it ends, which is `at` when more must come first. */
  #take (bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head': return this.#head(bytes, at)
      case 'chunk-size': return this.#chunkSize(bytes, at)
      case 'chunk-end':
      case 'last-chunk-end': return this.#chunkEnd(bytes, at)
      case 'body':
      case 'chunk': return this.#data(bytes, at)
    }
  }

  #head (bytes: Buffer, at: number): number {
    const end = bytes.indexOf(headEnd, at)
    if (end === -1) return at
    const head = bytes.toString('latin1', at, end)
    this.#status = Number(head.slice(9, 12))
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length !== undefined && length !== '0') [this.#state, this.#left] = ['body', Number(length)]
    else if (length === undefined && /\r\ntransfer-encoding: *chunked/i.test(head)) this.#state = 'chunk-size'
    else this.#finish()
    return end + headEnd.length
  }

  #data (bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left)
    this.#left -= end - at
    this.#events.onBody?.(bytes.subarray(at, end))
    if (this.#left > 0) return end
    if (this.#state === 'body') this.#finish()
    else this.#state = 'chunk-end'
    return end
  }

  #chunkSize (bytes: Buffer, at: number): number {
    const end = bytes.indexOf(lineEnd, at)
    if (end === -1) return at
    this.#left = parseInt(bytes.toString('latin1', at, end), 16)
    this.#state = this.#left === 0 ? 'last-chunk-end' : 'chunk'
    return end + lineEnd.length
  }

  #chunkEnd (bytes: Buffer, at: number): number {
    if (bytes.length < at + lineEnd.length) return at
    if (this.#state === 'last-chunk-end') this.#finish()
    else this.#state = 'chunk-size'
    return at + lineEnd.length
  }

  #finish (): void {
    this.#state = 'head'
    this.#events.onEnd(this.#status)
  }
}
