/** What the write-ahead log takes in and gives out. */

export interface LogEntry {
  index: number
  term: number
  /** One byte: 0 is a normal entry, 1 a configuration. The log does not look at it. */
  type: number
  /** The log keeps the buffer that it is handed, without a copy: whoever appends must not write to it again. */
  data: Buffer
}

export interface HardState {
  term: number
  /** The id of the node that got this node's vote in `term`, 16 hex digits. */
  vote: string | null
  commit: number
}

export interface AppendRequest {
  hardState?: HardState
  /** Consecutive indexes. */
  entries: LogEntry[]
}

/** A place between two entries: right after the entry that it names. Index 0, term 0 is before the first of all. */
export interface Position {
  index: number
  term: number
}

/** What the log tells its owner, for the program's own log and its metrics. A listener must not throw. */
export type LogEvent =
  { type: 'sync', seconds: number, bytes: number, entries: number, requests: number } |
  { type: 'tail-cut', file: string, offset: number, bytes: number } |
  { type: 'segment-made', file: string, bytes: number } |
  { type: 'segment-removed', file: string } |
  { type: 'segment-not-made', error: Error } |
  { type: 'segment-not-removed', file: string, error: Error }

export interface LogOptions {
  /** Made when it is missing. It belongs to one Log at a time; the data folder's lock sees to that. */
  directory: string
  /** The size of a segment file, from 1 KiB to 1 GiB. Rounded up to a multiple of 512. */
  segmentBytes: number
  /** How much of the newest entries stays in memory; what is not durable stays in any case. Default 16 MiB. */
  cacheBytes?: number
  onEvent?: (event: LogEvent) => void
}
