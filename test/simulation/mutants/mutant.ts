export interface Edit {
  /** Below `plugins/raft`, or in `storage/`. */
  file: string
  /** Must be in the file exactly once. */
  find: string
  replace: string
}

/** One of the mistakes that others made (docs/internals/raft.md), put back by replacing texts. */
export interface Mutant {
  name: string
  /** Its number in the list of mistakes. */
  mistake: number
  edits: readonly Edit[]
  /** Has been seen to catch it, so `npm test` begins with it. */
  seed: number
}
