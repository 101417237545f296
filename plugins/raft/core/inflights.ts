/** The appends that are under way to one follower, oldest first: the window of the pipeline, in messages and bytes. */
export class Inflights {
  readonly #messagesMax: number
  readonly #bytesMax: number
  /** Pairs of last index and bytes. Those before `#start` are acknowledged. */
  #window: { index: number, bytes: number }[] = []
  #start = 0
  #bytes = 0

  constructor (messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax
    this.#bytesMax = bytesMax
  }

  get count (): number {
    return this.#window.length - this.#start
  }

  get full (): boolean {
    return this.count >= this.#messagesMax || this.#bytes >= this.#bytesMax
  }

  /** An append up to `index` was sent. */
  add (index: number, bytes: number): void {
    this.#window.push({ index, bytes })
    this.#bytes += bytes
  }

  /** The follower holds everything up to `index`. */
  freeUpTo (index: number): void {
    while (this.#start < this.#window.length && this.#window[this.#start]!.index <= index) {
      this.#bytes -= this.#window[this.#start]!.bytes
      this.#start++
    }
    if (this.#start === this.#window.length) this.clear()
    else if (this.#start >= 64 && this.#start * 2 >= this.#window.length) {
      this.#window = this.#window.slice(this.#start)
      this.#start = 0
    }
  }

  clear (): void {
    this.#window = []
    this.#start = 0
    this.#bytes = 0
  }
}
