import { applyChange, changeConfiguration } from './changer.ts'
import { isJoint, isVoter } from './configuration.ts'
import { decodeChange } from './configuration-change.ts'
import type { Raft } from './raft.ts'
import { recountReads } from './reads.ts'
import { advanceCommit, appendProposals, broadcastAppend, broadcastEntries } from './replication.ts'
import { becomeFollower } from './roles.ts'
import { abandonTransfer } from './transfer.ts'
import { entryTypes } from './types.ts'
import type { Configuration, Entry, ProposedEntry } from './types.ts'

/**
 * Configuration changes (Raft paper, section 6; thesis, chapter 4), one at a time. A change is in force on a node from
 * when that node applies it. It is committed by then, so an entry of the leader's own term is too: that is what makes
 * one change after another safe.
 */

/** Why a change cannot be proposed now; null when it can. */
export function whyNotChange (raft: Raft, entry: ProposedEntry): string | null {
  if (raft.pendingChangeIndex > raft.log.applied) {
    return `a change may be pending at index ${raft.pendingChangeIndex}, and only ${raft.log.applied} is applied`
  }
  const { configuration } = raft.membership
  try {
    const change = decodeChange(entry.data)
    const leaving = change.changes.length === 0
    const joint = isJoint(configuration)
    if (joint && !leaving) return 'the configuration is joint and must be left first'
    if (!joint && leaving) return 'the configuration is not joint'
    // Committed, one that does not fit would stop every node: so it is tried on what it would be applied to.
    changeConfiguration(configuration, change)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** A change that cannot be taken now is replaced by an empty entry: what was proposed after it keeps its place. */
export function checkedChanges (raft: Raft, entries: readonly ProposedEntry[]): readonly ProposedEntry[] {
  if (!entries.some(({ type }) => type === entryTypes.configuration)) return entries
  return entries.map((entry, at) => {
    if (entry.type !== entryTypes.configuration) return entry
    const reason = whyNotChange(raft, entry)
    if (reason !== null && raft.options.checkChanges) {
      raft.trace({ event: 'change-refused', reason })
      return { type: entryTypes.command, data: Buffer.alloc(0) }
    }
    raft.pendingChangeIndex = raft.log.lastIndex + at + 1
    return entry
  })
}

/** The entry is committed and its turn has come: from here on it is in force on this node. */
export function applyConfiguration (raft: Raft, entry: Pick<Entry, 'data'>): Configuration {
  const { options, log } = raft
  raft.membership = applyChange(raft.membership, decodeChange(entry.data), log.lastIndex, options)
  const { configuration } = raft.membership
  // Whoever can be elected now need not ask those who gave the lease.
  raft.leaseUntil = 0
  raft.trace({ event: 'configuration', configuration })
  if (raft.isLeader) leadOn(raft)
  return configuration
}

/** What a leader does once another configuration is in force. */
function leadOn (raft: Raft): void {
  const own = raft.ownProgress
  const { configuration } = raft.membership
  if (own === undefined || own.learner) {
    // It leads on without a vote of its own, until all is committed that it began (section 6), or steps down.
    if (raft.options.stepDownOnRemoval) becomeFollower(raft, raft.term, null)
    return
  }
  if (advanceCommit(raft)) broadcastAppend(raft)
  else broadcastEntries(raft)
  recountReads(raft)
  if (raft.transferee !== null && !isVoter(configuration, raft.transferee)) abandonTransfer(raft)
}

/** A joint configuration that is in force on the leader is left, whoever began it; tried again until it succeeds. */
export function leaveJointIfDue (raft: Raft): void {
  const { autoLeave } = raft.membership.configuration
  if (!autoLeave || !raft.isLeader || raft.log.applied < raft.pendingChangeIndex) return
  if (raft.ownProgress === undefined || raft.transferee !== null) return
  const change = { type: entryTypes.configuration, data: Buffer.alloc(0) }
  raft.pendingChangeIndex = raft.log.lastIndex + 1
  appendProposals(raft, [change])
  broadcastAppend(raft)
}
