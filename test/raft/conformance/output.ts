/** What a command prints. */
export class Output {
  #lines: string[] = []
  #indent = ''
  /** At this level nothing is printed but errors: so is the setup of a scene. */
  #quiet = false

  print (text: string): void {
    if (!this.#quiet) this.printAlways(text)
  }

  printAlways (text: string): void {
    this.#lines.push(...text.split('\n').map((line) => this.#indent + line))
  }

  /** Prints what `action` prints further to the right. */
  indented (action: () => void): void {
    const before = this.#indent
    this.#indent += '  '
    try {
      action()
    } finally {
      this.#indent = before
    }
  }

  /** @throws Error for a level that does not exist */
  setLevel (level: string): void {
    const levels = ['debug', 'info', 'warn', 'error', 'fatal', 'none']
    if (!levels.includes(level.toLowerCase())) throw new Error(`log levels must be either of ${levels.join(', ')}`)
    this.#quiet = level.toLowerCase() === 'none'
  }

  /** The level is as it was once `action` is done. */
  atLevel (level: string | undefined, action: () => void): void {
    const before = this.#quiet
    if (level !== undefined) this.setLevel(level)
    try {
      action()
    } finally {
      this.#quiet = before
    }
  }

  take (): string {
    return this.#lines.splice(0).join('\n').trimEnd() || 'ok'
  }
}
