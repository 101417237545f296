import type { Change } from '../../storage/change.ts'

/** How a stream frames a change. */
export type Framing = 'sse' | 'ndjson'

/** A change with its wire forms, made once for all readers. */
export class Frame {
  readonly change: Change
  #sse: Buffer | null = null
  #line: Buffer | null = null

  constructor (change: Change) {
    this.change = change
  }

  /** The bytes that stand for the change in a stream. */
  bytes (framing: Framing): Buffer {
    return framing === 'sse' ? (this.#sse ??= sse(this.change)) : (this.#line ??= line(this.change))
  }
}

const newline = Buffer.from('\n')
const eventEnd = Buffer.from('\n\n')

/** A server-sent event; the change's text has no line break (HTML Living Standard, 9.2.5). */
function sse ({ revision, text }: Change): Buffer {
  return Buffer.concat([Buffer.from(`id: ${revision}\ndata: `), text, eventEnd])
}

function line ({ text }: Change): Buffer {
  return Buffer.concat([text, newline])
}

/** Three forms of a change may be kept, and the objects around them take room of their own. */
const frameOverheadBytes = 400

/** The newest changes, in memory, without a gap: what readers at the live end are served from. */
export class Tail {
  #frames: Frame[] = []
  /** Frames before this place have been dropped; the array is cut when they are many. */
  #start = 0
  #bytes = 0
  readonly #bytesMax: number
  /** The revision of the newest change that was ever put in. */
  lastRevision: number
  /** How often all was forgotten. */
  restarts = 0

  constructor (lastRevision: number, bytesMax: number) {
    this.lastRevision = lastRevision
    this.#bytesMax = bytesMax
  }

  get firstRevision (): number {
    return this.lastRevision - (this.#frames.length - this.#start) + 1
  }

  get bytes (): number {
    return this.#bytes
  }

  push (changes: Change[]): void {
    for (const change of changes) {
      if (change.revision !== this.lastRevision + 1) {
        throw new Error(`change ${change.revision} does not follow ${this.lastRevision}`)
      }
      this.lastRevision = change.revision
      this.#frames.push(new Frame(change))
      this.#bytes += sizeOf(change)
    }
    while (this.#bytes > this.#bytesMax && this.#start < this.#frames.length) {
      this.#bytes -= sizeOf(this.#frames[this.#start]!.change)
      this.#start++
    }
    if (this.#start > 1024 && this.#start > this.#frames.length / 2) {
      this.#frames = this.#frames.slice(this.#start)
      this.#start = 0
    }
  }

  /** Forgets all, and goes on after this revision. */
  restart (lastRevision: number): void {
    this.#frames = []
    this.#start = 0
    this.#bytes = 0
    this.lastRevision = lastRevision
    this.restarts++
  }

  /** Whether the changes after a revision are all here. */
  covers (since: number): boolean {
    return since + 1 >= this.firstRevision
  }

  /** The frame of a revision that is here. */
  frame (revision: number): Frame {
    const frame = this.#frames[this.#start + revision - this.firstRevision]
    if (frame === undefined) throw new RangeError(`change ${revision} is not in memory`)
    return frame
  }
}

function sizeOf ({ text }: Change): number {
  return text.length * 3 + frameOverheadBytes
}
