import type { ProgressState } from './progress.ts'
import type { Configuration, EntryId, NodeId, Role } from './types.ts'

/** What a person who follows a cluster wants to know. Times and names are the listener's to add. */
export type TraceEvent =
  { event: 'role', role: Role, term: number, leader: NodeId | null } |
  { event: 'vote', request: 'vote' | 'pre-vote', candidate: NodeId, term: number, granted: boolean } |
  { event: 'lease-kept', candidate: NodeId, term: number } |
  { event: 'no-campaign', reason: 'no-voter' | 'change-unapplied' } |
  { event: 'quorum-lost', term: number } |
  { event: 'progress', member: NodeId, state: ProgressState, match: number, next: number } |
  { event: 'conflict', index: number, term: number } |
  { event: 'restore', snapshot: EntryId } |
  { event: 'configuration', configuration: Configuration } |
  { event: 'change-refused', reason: string } |
  { event: 'transfer', to: NodeId, state: 'begun' | 'abandoned' }
