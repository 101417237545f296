import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../../storage/directory.ts'
import { DataFolderError } from './data-folder-error.ts'
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
      if (error.code === 'EISDIR') return ''
      throw error
    })
    return text === null ? null : this.#parse(text)
  }

  #parse (text: string): JoinAnswer {
    try {
      const answer = JSON.parse(text) as JoinAnswer
      if (typeof answer.clusterId === 'string' && Array.isArray(answer.members)) return answer
    } catch {
      // Said below.
    }
    throw new DataFolderError('JOINED_DAMAGED', `${this.#path} does not hold what the cluster told this node when it ` +
      'joined. Put it back from a backup, or remove it: a node that has data knows its cluster from that, and one that ' +
      'has none asks again (CHANGEWELL_JOIN).')
  }

  async write (answer: JoinAnswer): Promise<void> {
    await writeDurably(this.#path, JSON.stringify(answer))
  }
}
