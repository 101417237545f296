import { readFile, stat } from 'node:fs/promises'
import type { Fault, Parsed } from './faults.ts'

export interface WatchedFileOptions<Value> {
  /** What it holds, in the plural: `passwords`. */
  holds: string
  /** The setting that names it. */
  setting: string
  path: string
  parse: (text: string) => Parsed<Value>
  /** What stands for a file that no setting names. */
  otherwise: Value
}

export type Outcome = { result: 'unchanged' | 'loaded' } | { result: 'refused', lines: string[] }

/**
 * A file that is read again when it changes. What was read last without a fault is in force; a bad file changes
 * nothing. It is looked at rather than watched: a file that is replaced, or reached over links that are (as Kubernetes
 * does with secrets), tells no watcher.
 */
export class WatchedFile<Value> {
  readonly holds: string
  readonly setting: string
  readonly path: string
  readonly #parse: (text: string) => Parsed<Value>
  #value: Value
  #text: string | null = null
  /** The state of the file that was read last, and the one that was seen last. */
  #read = ''
  #seen = ''

  constructor ({ holds, setting, path, parse, otherwise }: WatchedFileOptions<Value>) {
    this.holds = holds
    this.setting = setting
    this.path = path
    this.#parse = parse
    this.#value = otherwise
  }

  get isNamed (): boolean {
    return this.path !== ''
  }

  get value (): Value {
    return this.#value
  }

  /** Reads it, whether it changed or not. Its faults come as lines that name file and line. */
  async load (): Promise<Outcome> {
    if (!this.isNamed) return { result: 'unchanged' }
    // First the state, then the text: a change in between is seen at the next look.
    this.#read = this.#seen = await stateOf(this.path)
    let text: string
    try {
      text = await readFile(this.path, 'utf8')
    } catch (error) {
      return { result: 'refused', lines: [this.#line({ line: 0, reason: `it cannot be read (${(error as NodeJS.ErrnoException).code}); correct ${this.setting}, or let this user read the file` })] }
    }
    if (text === this.#text) return { result: 'unchanged' }
    const { value, faults } = this.#parse(text)
    if (faults.length > 0) return { result: 'refused', lines: faults.map((fault) => this.#line(fault)) }
    this.#text = text
    this.#value = value
    return { result: 'loaded' }
  }

  /** Reads it when it is not as it was, and stands still since the last look: nobody is writing it any more. */
  async look (): Promise<Outcome> {
    if (!this.isNamed) return { result: 'unchanged' }
    const state = await stateOf(this.path)
    const isStill = state === this.#seen
    this.#seen = state
    return isStill && state !== this.#read ? this.load() : { result: 'unchanged' }
  }

  #line ({ line, reason }: Fault): string {
    return `${this.path}${line === 0 ? '' : `:${line}`}: ${reason}.`
  }
}

async function stateOf (path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
