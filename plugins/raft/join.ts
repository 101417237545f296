import { setTimeout as sleep } from 'node:timers/promises'
import type { Candidate } from '../../discovery/provider.ts'
import type { Identify } from './identity.ts'
import { PeerCallError } from './peer-http.ts'

/** What a node says when it asks to join, or when it has moved. */
export interface JoinRequest {
  id: string
  /** Null when it has moved, and is to stay what it is. */
  role: 'voter' | 'replica' | null
  peerAddress: string
  apiAddress: string
  /** It holds nothing: if the cluster has given it entries already, it has lost them. */
  isEmpty: boolean
  /** The cluster that it means to join. */
  clusterId?: string
}

/** What it needs to know to take part. */
export interface JoinAnswer {
  clusterId: string
  members: { id: string, peerAddress: string }[]
}

export interface JoinOptions {
  /** Whom to ask, anew for each round. */
  candidates: (signal: AbortSignal) => Promise<readonly Candidate[]>
  identify: Identify
  /** Asks the node there to be taken in. */
  ask: (peerAddress: string, request: JoinRequest) => Promise<JoinAnswer>
  /** The only cluster that it may be; null when any will do. */
  clusterId: string | null
  /** Made anew for each try: the id may change. */
  request: () => JoinRequest
  /** The cluster knows this id as one that had more data than this node has: it needs another. */
  onLostData: () => Promise<void>
  onWaiting: (reason: string) => void
  signal: AbortSignal
}

const backoffMinMs = 200
const backoffMaxMs = 5000

/** Asks one node after another until a member takes this one in. A node that is told to join never gives up. */
export async function joinCluster (options: JoinOptions): Promise<JoinAnswer> {
  const { candidates, onWaiting, signal } = options
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
    const answer = await askAll(known, options, reasons)
    if (answer !== null) return answer
    signal.throwIfAborted()
    onWaiting(reasons.join('; '))
    await sleep(wait, undefined, { signal })
  }
}

/** One round. Null when nobody takes this node in; then `reasons` has a clause for each. */
async function askAll (
  known: readonly Candidate[], { identify, ask, clusterId, request, onLostData, signal }: JoinOptions, reasons: string[]
): Promise<JoinAnswer | null> {
  const members: { peerAddress: string, clusterId: string }[] = []
  await Promise.all(known.map(async ({ peerAddress, source }) => {
    const at = `${peerAddress} (${source})`
    try {
      const found = await identify(peerAddress)
      if (found.id === request().id) reasons.push(`${at} is this node itself`)
      else if (found.clusterId === null) reasons.push(`${at} belongs to no cluster yet`)
      else if (clusterId !== null && found.clusterId !== clusterId) reasons.push(`${at} belongs to another cluster, ${found.clusterId}`)
      else members.push({ peerAddress, clusterId: found.clusterId })
    } catch (error) {
      reasons.push(`${at} cannot be reached: ${(error as Error).message}`)
    }
  }))
  const clusters = new Map(members.map((member) => [member.clusterId, member.peerAddress]))
  if (clusters.size > 1) {
    // Which one is meant is not to be guessed: there is no way back.
    const where = [...clusters].map(([id, address]) => `${id} at ${address}`).join(', ')
    reasons.push(`there are members of several clusters (${where}); name those of one only in CHANGEWELL_JOIN`)
    return null
  }
  for (const member of members) {
    signal.throwIfAborted()
    try {
      const answer = await ask(member.peerAddress, { ...request(), clusterId: member.clusterId })
      if (isJoinAnswer(answer)) return answer
      reasons.push(`${member.peerAddress} answers as no node does`)
    } catch (error) {
      if (error instanceof PeerCallError && error.code === 'NODE_LOST_DATA') await onLostData()
      reasons.push(`${member.peerAddress}: ${(error as Error).message}`)
    }
  }
  return null
}

/** What came over the network is what it should be. */
function isJoinAnswer (answer: unknown): answer is JoinAnswer {
  const { clusterId, members } = (answer ?? {}) as Partial<Record<keyof JoinAnswer, unknown>>
  return typeof clusterId === 'string' && Array.isArray(members) &&
    members.every((member: unknown) => {
      const { id, peerAddress } = (member ?? {}) as Partial<Record<'id' | 'peerAddress', unknown>>
      return typeof id === 'string' && typeof peerAddress === 'string'
    })
}
