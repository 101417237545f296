import type { AppliedConfiguration } from './configuration.ts'
import { Problem } from './problem.ts'
import type { NodeCommand } from './types.ts'

export type NodeRole = 'voter' | 'replica'

/**
 * Joining: on the list, and not yet sent the log. Catching up: it gets the log, and a vote once it has all of it.
 * Leaving: it is to go, and has not gone yet. Removed: it went; its id is never used again.
 */
export type NodeState = 'joining' | 'catching up' | 'voter' | 'replica' | 'leaving' | 'removed'

/** A node as the cluster knows it: what it shall be, what it is, and where it is reached. */
export interface NodeRecord {
  /** 16 hex digits. */
  id: string
  /** What it shall be. */
  role: NodeRole
  /** What it is. */
  state: NodeState
  /** host:port; empty while the node has not said. */
  peerAddress: string
  apiAddress: string
  /** The database's revision when this last changed. */
  revision: number
  /** Milliseconds since 1970. */
  timestamp: number
}

type Records = ReadonlyMap<string, NodeRecord>

/** When a record changes: it is stamped with this. */
interface Moment {
  revision: number
  timestamp: number
}

/**
 * The record that a command makes or changes; null when it is so already. What the command does not say stays: a node
 * that tells where it is now must not take back what an operator said of its role meanwhile.
 *
 * @throws Problem NODE_REMOVED, MEMBER_NOT_FOUND; LAST_VOTER when the only voter is to be one no longer
 */
export function listedNode (
  records: Records, configuration: AppliedConfiguration | null, command: NodeCommand, moment: Moment
): NodeRecord | null {
  const { id } = command
  const known = records.get(id)
  // Who was told to go goes: else a call that came late would call back whoever removed it.
  if (known?.state === 'removed' || known?.state === 'leaving') throw new Problem('NODE_REMOVED', { id })
  const role = command.role ?? known?.role
  if (role === undefined) throw new Problem('MEMBER_NOT_FOUND', { id })
  const peerAddress = command.peerAddress || known?.peerAddress || ''
  const apiAddress = command.apiAddress || known?.apiAddress || ''
  if (role === 'replica') assertOtherVoter(records, configuration, id)
  const state = stateIn(configuration, id, role)
  const isKnown = known !== undefined && known.role === role && known.state === state &&
    known.peerAddress === peerAddress && known.apiAddress === apiAddress
  return isKnown ? null : { id, role, state, peerAddress, apiAddress, ...stamp(moment) }
}

/**
 * The record of a node that is to go; null when it is going, or went before.
 *
 * @throws Problem MEMBER_NOT_FOUND, LAST_VOTER
 */
export function leavingNode (
  records: Records, configuration: AppliedConfiguration | null, id: string, moment: Moment
): NodeRecord | null {
  const known = records.get(id)
  if (known === undefined) throw new Problem('MEMBER_NOT_FOUND', { id })
  if (known.state === 'removed' || known.state === 'leaving') return null
  assertOtherVoter(records, configuration, id)
  const isMember = stateIn(configuration, id, known.role) !== 'joining'
  return { ...known, state: isMember ? 'leaving' : 'removed', ...stamp(moment) }
}

/** The records that a new configuration changes. */
export function configuredNodes (records: Records, configuration: AppliedConfiguration, moment: Moment): NodeRecord[] {
  const changed: NodeRecord[] = []
  for (const record of records.values()) {
    const state = nextState(record, configuration)
    if (state !== record.state) changed.push({ ...record, state, ...stamp(moment) })
  }
  return changed
}

function nextState ({ id, role, state }: NodeRecord, configuration: AppliedConfiguration): NodeState {
  const next = stateIn(configuration, id, role)
  // Who was in it and is no longer has gone; who was never in it is still to come.
  if (next === 'joining') return state === 'joining' ? 'joining' : 'removed'
  // One that was removed while it was on its way in must leave again.
  return state === 'leaving' || state === 'removed' ? 'leaving' : next
}

function stateIn (configuration: AppliedConfiguration | null, id: string, role: NodeRole): NodeState {
  if (configuration?.voters.includes(id) === true) return 'voter'
  if (configuration?.learners.includes(id) === true) return role === 'replica' ? 'replica' : 'catching up'
  return 'joining'
}

/** A voter may only go, or give up its vote, if another one votes and stays. */
function assertOtherVoter (records: Records, configuration: AppliedConfiguration | null, id: string): void {
  if (configuration?.voters.includes(id) !== true) return
  for (const other of records.values()) {
    if (other.id !== id && other.state === 'voter' && other.role === 'voter') return
  }
  throw new Problem('LAST_VOTER', { id })
}

function stamp ({ revision, timestamp }: Moment): Moment {
  return { revision, timestamp }
}
