/** The Raft write-ahead log: a plain library, which the Raft driver uses. docs/internals/log.md tells how it works. */
export { Log } from './log.ts'
export { LogError } from './errors.ts'
export type { LogErrorCode } from './errors.ts'
export type { AppendRequest, HardState, LogEntry, LogEvent, LogOptions, Position } from './types.ts'
