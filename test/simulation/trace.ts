/** What happened, for a person: who, when, what. And for a machine: a number that differs when anything does. */
export class Trace {
  /** Sentences are made only when somebody wants to read them. */
  readonly wanted: boolean
  readonly lines: string[] = []
  #fingerprint = 0x811c9dc5

  constructor (wanted: boolean) {
    this.wanted = wanted
  }

  get fingerprint (): string {
    return (this.#fingerprint >>> 0).toString(16).padStart(8, '0')
  }

  mix (number: number): void {
    const mixed = Math.imul(this.#fingerprint ^ number, 0x01000193)
    this.#fingerprint = mixed ^ (mixed >>> 13)
  }

  say (micros: number, who: string, what: string): void {
    this.lines.push(`${(micros / 1000).toFixed(3).padStart(10)} ms  ${who.padEnd(8)} ${what}`)
  }
}
