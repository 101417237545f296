import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../../storage/directory.ts'
import type { JoinAnswer } from './join.ts'

/** What a node remembers of its joining until its database says it. */
export class Joined {
  readonly #path: string

  constructor (dataDir: string) {
    this.#path = join(dataDir, 'joined')
  }

  async read (): Promise<JoinAnswer | null> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    return text === null ? null : JSON.parse(text) as JoinAnswer
  }

  async write (answer: JoinAnswer): Promise<void> {
    await writeDurably(this.#path, JSON.stringify(answer))
  }
}
