/** A node's name in the cluster: 16 hex digits. The core compares ids and orders them as text, and knows no more. */
export type NodeId = string

/** What an entry holds: a command for the state machine, or a change of the configuration. */
export const entryTypes = { command: 0, configuration: 1 } as const

/** One place in the replicated log. `data` is opaque but for configuration changes; a new leader's no-op has none. */
export interface Entry {
  index: number
  term: number
  /** One of `entryTypes`. */
  type: number
  data: Buffer
}

/** An entry that has no place yet. */
export interface ProposedEntry {
  type: number
  data: Buffer
}

/**
 * What must survive a crash besides the log (Raft paper, figure 2). Term and vote are one record: nothing is answered
 * before it is durable. The commit index may lag behind and only makes a restart quicker.
 */
export interface HardState {
  term: number
  vote: NodeId | null
  commit: number
}

/** What others see of a node; never stored. */
export interface SoftState {
  leader: NodeId | null
  role: Role
}

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/**
 * The members, as snapshots and the state machine keep them; ids are in order. While the configuration is joint,
 * `votersOutgoing` holds the old voters, and both sets must agree on everything (Raft paper, section 6).
 */
export interface Configuration {
  readonly voters: readonly NodeId[]
  readonly votersOutgoing: readonly NodeId[]
  readonly learners: readonly NodeId[]
  /** Voters of the old set that become learners when the joint configuration is left. */
  readonly learnersNext: readonly NodeId[]
  /** The leader leaves the joint configuration by itself, as soon as it is in force. */
  readonly autoLeave: boolean
}

/** Where a snapshot of the state machine stands. Its bytes are the driver's; the core only passes this on. */
export interface Snapshot {
  readonly index: number
  readonly term: number
  readonly configuration: Configuration
}

/** The answer to a read: once the state machine has applied `index`, it may be read. */
export interface ReadState {
  context: string
  index: number
}

/** A place in the log, known by both its numbers: two logs that hold it hold the same up to there (section 5.3). */
export interface EntryId {
  term: number
  index: number
}

/** The bytes that an entry counts for in every limit: its data, and its header with the numbers as varints. */
export function entryBytes ({ term, index, data }: Entry): number {
  const length = data.length
  return 4 + varintBytes(term) + varintBytes(index) + (length === 0 ? 0 : 1 + varintBytes(length) + length)
}

export function totalBytes (entries: readonly Entry[]): number {
  let bytes = 0
  for (const entry of entries) bytes += entryBytes(entry)
  return bytes
}

export function dataBytes (entries: readonly Entry[]): number {
  let bytes = 0
  for (const { data } of entries) bytes += data.length
  return bytes
}

function varintBytes (value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 128; rest /= 128) bytes++
  return bytes
}
