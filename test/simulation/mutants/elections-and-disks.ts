import type { Mutant } from './mutant.ts'

/** Votes and terms, and what a disk must hold before it is spoken of. */
export const electionsAndDisks: readonly Mutant[] = [
  {
    name: 'a longer log wins, whatever its last term',
    mistake: 1,
    edits: [{
      file: 'core/log.ts',
      find: 'return last.term > own.term || (last.term === own.term && last.index >= own.index)',
      replace: 'return last.index >= own.index',
    }],
    seed: 1,
  },
  {
    name: 'a vote asks for the commit index alone',
    mistake: 1,
    edits: [{
      file: 'core/election.ts',
      find: 'raft.log.isUpToDate({ index, term: logTerm })',
      replace: '(index >= raft.log.committed || logTerm > raft.term)',
    }],
    seed: 1,
  },
  {
    name: 'two votes in a term',
    mistake: 2,
    edits: [{
      file: 'core/election.ts',
      find: '(raft.vote === null && raft.leader === null)',
      replace: 'raft.leader === null',
    }],
    seed: 1,
  },
  {
    name: 'a vote is forgotten in a crash',
    mistake: 2,
    edits: [{
      file: 'core/raft.ts',
      find: 'this.vote = options.hardState.vote',
      replace: 'this.vote = null',
    }],
    seed: 1,
  },
  {
    name: 'a new term is spoken of before it is durable',
    mistake: 2,
    edits: [{
      file: 'driver.ts',
      find: 'if (this.#newTerms > 0 || this.#held.length === 0) return',
      replace: 'if (this.#held.length === 0) return',
    }],
    seed: 1,
  },
  {
    name: 'entries are acknowledged before they are durable',
    mistake: 3,
    edits: [{
      file: 'core/raft.ts',
      find: 'const promises = message.type === \'append-response\' || message.type',
      replace: 'const promises = message.type',
    }],
    seed: 1,
  },
  {
    name: 'a vote is granted before it is durable',
    mistake: 3,
    edits: [{
      file: 'core/raft.ts',
      find: ' || message.type === \'vote-response\' ||',
      replace: ' ||',
    }],
    seed: 9,
  },
  {
    name: 'a leader counts itself before its disk has the entries',
    mistake: 3,
    edits: [{
      file: 'core/raft.ts',
      find: 'if (promises) this.responses',
      replace: 'if (promises && message.to !== this.id) this.responses',
    }],
    seed: 3,
  },
  {
    name: 'after a restart the whole log counts as committed',
    mistake: 4,
    edits: [{
      file: 'core/raft.ts',
      find: 'this.log.commitTo(options.hardState.commit)',
      replace: 'this.log.commitTo(this.log.lastIndex)',
    }],
    seed: 1,
  },
  {
    name: 'the disk has a commit index before its entries',
    mistake: 4,
    edits: [{
      file: 'driver.ts',
      find: 'Math.min(hardState.commit, this.core.durableIndex)',
      replace: 'hardState.commit',
    }],
    seed: 1,
  },
]
