import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { join as joinPath } from 'node:path'
import type { Candidate } from '../../discovery/provider.ts'
import { writeDurably } from '../../storage/directory.ts'
import { DataFolderError } from './data-folder-error.ts'
import { PeerCallError, postPeer } from './peer-http.ts'
import type { Connect } from './transport/index.ts'

/** What a node says when it asks to join. */
export interface JoinRequest {
  id: string
  role: 'voter' | 'replica'
  peerAddress: string
  apiAddress: string
  /** It holds nothing: if the cluster has given it entries already, it has lost them. */
  isEmpty: boolean
}

/** What it needs to know to take part. */
export interface JoinAnswer {
  clusterId: string
  members: { id: string, peerAddress: string }[]
}

export interface JoinOptions {
  connect: Connect
  /** Whom to ask, anew for each round. */
  candidates: (signal: AbortSignal) => Promise<readonly Candidate[]>
  /** Made anew for each try: the id may change. */
  request: () => JoinRequest
  /** The cluster knows this id as one that had more data than this node has: it needs another. */
  onLostData: () => Promise<void>
  onWaiting: (reason: string) => void
  signal: AbortSignal
}

const backoffMinMs = 200
const backoffMaxMs = 5000

/** Asks one address after another until a member takes this node in. A node that is told to join never gives up. */
export async function joinCluster (options: JoinOptions): Promise<JoinAnswer> {
  const { connect, candidates, request, onLostData, onWaiting, signal } = options
  let known: readonly Candidate[] = []
  for (let wait = backoffMinMs; ; wait = Math.min(wait * 2, backoffMaxMs)) {
    const reasons: string[] = []
    try {
      known = await candidates(signal)
      if (known.length === 0) reasons.push('there is nobody to ask')
    } catch (error) {
      // Who was there before may still be.
      reasons.push((error as Error).message)
    }
    for (const { peerAddress } of known) {
      signal.throwIfAborted()
      try {
        return await postPeer(connect, peerAddress, '/join', request()) as JoinAnswer
      } catch (error) {
        if (error instanceof PeerCallError && error.code === 'NODE_LOST_DATA') await onLostData()
        reasons.push(`${peerAddress}: ${(error as Error).message}`)
      }
    }
    signal.throwIfAborted()
    onWaiting(reasons.join('; '))
    await sleep(wait, undefined, { signal })
  }
}

/** What a node remembers of its joining until its database says it. */
export class Joined {
  readonly #path: string

  constructor (dataDir: string) {
    this.#path = joinPath(dataDir, 'joined')
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
