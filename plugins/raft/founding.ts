import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Claim, Proposed } from '../../discovery/provider.ts'
import { writeDurably } from '../../storage/directory.ts'
import type { NodeId } from './core/index.ts'

export interface FoundingOptions {
  dataDir: string
  claim: (proposed: Proposed, signal: AbortSignal) => Promise<Claim>
  /** It could not be decided yet. */
  onWaiting: (reason: string) => void
}

export type Founded = { forms: true, clusterId: string } | Claim & { forms: false }

const backoffMinMs = 200
const backoffMaxMs = 5000

/**
 * Whether this node forms the cluster. The id that it proposes is on the disk before it is claimed, and stays until the
 * log has begun: a node that stops in between goes on under the same id, which no other node can have claimed.
 */
export class Founding {
  readonly #options: FoundingOptions
  readonly #path: string

  constructor (options: FoundingOptions) {
    this.#options = options
    this.#path = join(options.dataDir, 'forming')
  }

  /** The id of the cluster that this node is to form; or why it forms none. It waits until that is decided. */
  async claim (nodeId: NodeId, signal: AbortSignal): Promise<Founded> {
    const clusterId = await this.#read() ?? randomBytes(8).toString('hex')
    await writeDurably(this.#path, clusterId)
    for (let wait = backoffMinMs; ; wait = Math.min(wait * 2, backoffMaxMs)) {
      try {
        const claim = await this.#options.claim({ clusterId, nodeId }, signal)
        return claim.forms ? { forms: true, clusterId } : claim
      } catch (error) {
        signal.throwIfAborted()
        this.#options.onWaiting((error as Error).message)
      }
      await sleep(wait, undefined, { signal })
    }
  }

  /** The log has begun, or this node has joined. */
  async done (): Promise<void> {
    await rm(this.#path, { force: true })
  }

  async #read (): Promise<string | null> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    return text !== null && /^[0-9a-f]{16}$/.test(text) ? text : null
  }
}
