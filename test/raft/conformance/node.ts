import { Core, emptyConfiguration, entryTypes } from '../../../plugins/raft/core/index.ts'
import type { CoreOptions, Entry, HardState, NodeId, Ready, Snapshot } from '../../../plugins/raft/core/index.ts'
import { MemoryLog } from '../support/memory-log.ts'
import type { NetworkMessage, StorageAppend, StorageApply } from './messages.ts'

/** What `add-nodes` says of how nodes are to work. */
export type NodeOptions = Pick<CoreOptions, 'preVote' | 'checkQuorum' | 'leaseReads' | 'stepDownOnRemoval' |
  'checkChanges' | 'inflightMessagesMax' | 'applyingBytesMax'> & { asyncStorage: boolean }

export const electionTicks = 3
export const heartbeatTicks = 1

/** A node of a transcript: a core, its log, and the work that waits for its storage threads. */
export class TranscriptNode {
  readonly id: NodeId
  readonly core: Core
  readonly log = new MemoryLog()
  readonly asyncStorage: boolean
  readonly appendWork: StorageAppend[] = []
  readonly applyWork: StorageApply[] = []
  /** What the core's generator gives: the ticks of an election timeout beyond the least. */
  #draw = 0

  /** Without a snapshot to start from, the node knows nothing, not even who is a member. */
  constructor (id: NodeId, { asyncStorage, ...options }: NodeOptions, start: Snapshot | null) {
    this.id = id
    this.asyncStorage = asyncStorage
    if (start !== null) this.log.applySnapshot(start)
    const applied = start?.index ?? 0
    this.core = new Core({
      ...options,
      id,
      storage: this.log,
      hardState: { term: 0, vote: null, commit: applied },
      configuration: start?.configuration ?? emptyConfiguration,
      applied,
      electionTicks,
      heartbeatTicks,
      forwardProposals: true,
      emptyMayVote: true,
      applyUnstable: !asyncStorage,
      appendBytesMax: Infinity,
      inflightBytesMax: Infinity,
      uncommittedBytesMax: Infinity,
      random: () => this.#draw,
      incarnation: '1',
    })
  }

  /** The election timeout from now on. */
  setElectionTimeout (ticks: number): void {
    this.#draw = ticks - electionTicks
    this.core.setTimeouts(electionTicks, heartbeatTicks)
  }

  persist ({ hardState, entries, snapshot }: Persisted): void {
    if (hardState !== null) this.log.hardState = hardState
    if (snapshot !== null) this.log.applySnapshot(snapshot)
    this.log.append(entries)
  }

  /** The state machine takes a snapshot after every entry, so that the newest is what others are sent. */
  apply (entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { index, term } = entry
      const configuration = entry.type === entryTypes.configuration
        ? this.core.applyConfiguration(entry)
        : this.log.snapshot()?.configuration ?? emptyConfiguration
      this.log.saveSnapshot({ index, term, configuration })
    }
  }

  /** Everything that a Ready asked for was done. */
  advance ({ responses, receipt, committed }: Ready): void {
    for (const message of responses) {
      if (message.to === this.id) this.core.step(message)
    }
    if (receipt !== null) this.core.persisted(receipt)
    this.core.applied(committed)
  }

  /** Null when the message was taken; else why not. */
  receive (message: NetworkMessage): string | null {
    if (message.type === 'storage-append-response') this.core.persisted(message.receipt)
    else if (message.type === 'storage-apply-response') this.core.applied(message.entries)
    else return refusal(this.core.step(message))
    return null
  }
}

interface Persisted {
  hardState: HardState | null
  entries: readonly Entry[]
  snapshot: Snapshot | null
}

/** The refusals that transcripts know. */
export function refusal (reason: ReturnType<Core['step']>): string | null {
  if (reason === null) return null
  return reason === 'unknown-member' ? 'raft: cannot step as peer not found' : 'raft proposal dropped'
}
