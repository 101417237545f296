import type { Mutant } from './mutant.ts'

/** What clients are told, who may do what, and answers that came too late. */
export const clientsAndRoles: readonly Mutant[] = [
  {
    name: 'a write is told the outcome of another',
    mistake: 14,
    edits: [{
      file: 'driver.ts',
      find: 'proposedIn === term ? {',
      replace: 'proposedIn <= term ? {',
    }],
    seed: 5,
  },
  {
    name: 'reads before an entry of the own term is committed',
    mistake: 15,
    edits: [{
      file: 'core/reads.ts',
      find: 'if (raft.hasCommittedInTerm) begin(raft, request)',
      replace: 'if (raft.term > 0) begin(raft, request)',
    }],
    seed: 145,
  },
  {
    name: 'reads are answered without asking a quorum',
    mistake: 15,
    edits: [{
      file: 'core/reads.ts',
      find: 'if (alone || leased) {',
      replace: 'if (alone || leased || raft.isLeader) {',
    }],
    seed: 644,
  },
  {
    name: 'names of reads are used again after a restart',
    mistake: 15,
    edits: [{
      file: 'core/core.ts',
      find: '{options.incarnation}',
      replace: '{options.incarnation.length}',
    }],
    seed: 1,
  },
  {
    name: 'reads are served before their index is applied',
    mistake: 15,
    edits: [{
      file: 'driver.ts',
      find: 'if (index <= applied) this.#io.read(context)\n      return index > applied',
      replace: 'this.#io.read(context)\n      return index > Infinity + applied',
    }],
    seed: 2,
  },
  {
    name: 'a pre-candidate does not forget its leader',
    mistake: 16,
    edits: [{
      file: 'core/roles.ts',
      find: '  raft.votes = new Map()\n  raft.leader = null\n  enter(raft, \'pre-candidate\')',
      replace: '  raft.votes = new Map()\n  enter(raft, \'pre-candidate\')',
    }],
    seed: 2,
  },
  {
    name: 'who does not know of its promotion does not vote',
    mistake: 17,
    edits: [{
      file: 'core/election.ts',
      find: 'const granted = free && ',
      replace: 'const granted = free && raft.promotable && ',
    }],
    seed: 26,
  },
  {
    name: 'leadership is handed to a learner',
    mistake: 17,
    edits: [{
      file: 'core/transfer.ts',
      find: 'if (progress.learner || to === raft.transferee) return',
      replace: 'if (to === raft.transferee) return',
    }],
    seed: 83,
  },
  {
    name: 'a transfer is never given up',
    mistake: 18,
    edits: [{
      file: 'core/tick.ts',
      find: '    abandonTransfer(raft)\n',
      replace: '',
    }],
    seed: 59,
  },
  {
    name: 'entries after the matching point are deleted',
    mistake: 19,
    edits: [{
      file: 'core/log.ts',
      find: 'const differs = entries.findIndex(({ index, term }) => this.term(index) !== term)',
      replace: 'const differs = entries.length - 1 < 0 ? -1 : 0',
    }],
    seed: 1,
  },
  {
    name: 'acknowledgements of earlier terms count',
    mistake: 19,
    edits: [{
      file: 'core/step.ts',
      find: 'if (passedOn(message) || term === raft.term) return true',
      replace: 'if (passedOn(message) || term === raft.term || (type === \'append-response\' && term < raft.term)) return true',
    }],
    seed: 357,
  },
  {
    name: 'the disk\'s word of replaced entries counts',
    mistake: 19,
    // Either guard alone stops nearly all of it.
    edits: [{
      file: 'core/unstable.ts',
      find: 'if (index < this.offset || this.#entries[index - this.offset]?.term !== term) return',
      replace: 'if (index < this.offset || term < 0) return',
    }, {
      file: 'core/core.ts',
      find: 'if (last !== null && term === this.#raft.term) log.stableTo(last)',
      replace: 'if (last !== null && term > 0) log.stableTo(last)',
    }],
    seed: 8,
  },
  {
    name: 'a leader whose disk hangs leads on',
    mistake: 21,
    edits: [{
      file: 'driver.ts',
      find: 'if (this.diskHangs) this.core.stepDown()\n    else this.core.tick()',
      replace: 'this.core.tick()',
    }],
    seed: 1,
  },
]
