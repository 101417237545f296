/** How often a terminal's line is drawn anew at most, and how often a line is printed elsewhere. */
const drawMs = 100
const printedShare = 0.1

const barWidth = 30

/** A bar that moves on a terminal; elsewhere a plain line for every tenth of the way. */
export class Progress {
  readonly #total: number
  readonly #begun = performance.now()
  #drawnAt = -Infinity
  #printed = 0

  constructor (total: number) {
    this.#total = total
  }

  update (done: number): void {
    const share = this.#total === 0 ? 1 : done / this.#total
    const now = performance.now()
    if (process.stdout.isTTY) {
      if (now - this.#drawnAt < drawMs && done < this.#total) return
      this.#drawnAt = now
      const filled = Math.round(share * barWidth)
      const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled)
      process.stdout.write(`\rloading   ${bar} ${this.#text(done, share, now)}${done === this.#total ? '\n' : ''}`)
    } else if (share >= this.#printed + printedShare || done === this.#total) {
      this.#printed = share
      process.stdout.write(`loading   ${this.#text(done, share, now)}\n`)
    }
  }

  #text (done: number, share: number, now: number): string {
    const perSecond = Math.round(done / (now - this.#begun) * 1000)
    return `${String(Math.floor(share * 100)).padStart(3)} %  ${done.toLocaleString('en-GB')} of ` +
      `${this.#total.toLocaleString('en-GB')}, ${perSecond.toLocaleString('en-GB')} changes/s   `
  }
}
