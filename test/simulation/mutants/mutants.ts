export interface Edit {
  /** Below `plugins/raft`. */
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

export const mutants: readonly Mutant[] = [
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
  {
    name: 'a follower commits beyond what an append verified',
    mistake: 5,
    edits: [{
      file: 'core/replication.ts',
      find: 'log.commitTo(Math.min(commit, verified))',
      replace: 'log.commitTo(Math.min(commit, log.lastIndex))',
    }, {
      // Harmless by itself. A leader that finds at once where the logs part would hide the mistake.
      file: 'core/progress.ts',
      find: 'Math.min(rejected, hint + 1)',
      replace: 'Math.min(rejected, Math.max(hint, 1))',
    }],
    seed: 52,
  },
  {
    name: 'a heartbeat commits beyond what a follower has',
    mistake: 5,
    edits: [{
      file: 'core/heartbeats.ts',
      find: 'raft.log.commitTo(commit)',
      replace: 'raft.log.commitTo(Math.min(raft.log.lastIndex, Math.max(commit, raft.log.committed + 1)))',
    }],
    seed: 1,
  },
  {
    name: 'no-op entries are not applied',
    mistake: 6,
    edits: [{
      file: 'driver.ts',
      find: 'const entries = committed.slice(from, to)',
      replace: 'const entries = committed.slice(from, to).filter(({ data }, at) => data.length > 0 || from + at + 1 === to)',
    }],
    seed: 1,
  },
  {
    name: 'entries are applied again after a restart',
    mistake: 6,
    edits: [{
      file: 'core/log.ts',
      find: 'const start = Math.max(applied, storage.firstIndex - 1)',
      replace: 'const start = storage.firstIndex - 1',
    }],
    seed: 1,
  },
  {
    name: 'entries of earlier terms are committed by counting',
    mistake: 7,
    edits: [{
      file: 'core/replication.ts',
      find: ' || raft.log.term(index) !== raft.term) return false',
      replace: ') return false',
    }],
    seed: 6,
  },
  {
    name: 'a new leader appends no entry of its own',
    mistake: 7,
    edits: [{
      file: 'core/roles.ts',
      find: '  appendProposals(raft, [{ type: entryTypes.command, data: Buffer.alloc(0) }])\n',
      replace: '',
    }],
    seed: 1,
  },
  {
    name: 'a leader without a quorum leads on',
    mistake: 8,
    edits: [{
      file: 'core/tick.ts',
      find: 'if (raft.options.checkQuorum) checkQuorum(raft)',
      replace: '',
    }],
    seed: 1,
  },
  {
    name: 'a leader ignores a higher term',
    mistake: 8,
    edits: [{
      file: 'core/step.ts',
      find: '  becomeFollower(raft, term, leads ? from : null)\n  return true',
      replace: '  if (!raft.isLeader) becomeFollower(raft, term, leads ? from : null)\n  return true',
    }],
    seed: 6,
  },
  {
    name: 'a second change of members while one is pending',
    mistake: 9,
    edits: [{
      file: 'core/membership.ts',
      find: 'if (raft.pendingChangeIndex > raft.log.applied) {',
      replace: 'if (raft.pendingChangeIndex > Infinity) {',
    }],
    seed: 6,
  },
  {
    name: 'a new leader forgets that a change may be pending',
    mistake: 9,
    edits: [{
      file: 'core/roles.ts',
      find: 'raft.pendingChangeIndex = raft.log.lastIndex',
      replace: 'raft.pendingChangeIndex = 0',
    }],
    seed: 14,
  },
  {
    name: 'a campaign with a change that is not applied',
    mistake: 9,
    edits: [{
      file: 'core/election.ts',
      find: 'return entries === undefined || entries.some(({ type }) => type === entryTypes.configuration)',
      replace: 'return entries === undefined && raft.id === \'\'',
    }],
    seed: 150,
  },
  {
    name: 'only who began a joint configuration leaves it',
    mistake: 9,
    edits: [{
      file: 'core/membership.ts',
      find: 'raft.log.applied < raft.pendingChangeIndex) return',
      replace: 'raft.log.applied < raft.pendingChangeIndex ||\n    raft.log.term(raft.pendingChangeIndex) !== raft.term) return',
    }],
    seed: 21,
  },
  {
    name: 'several members change without a joint configuration',
    mistake: 9,
    edits: [{
      file: 'core/changer.ts',
      find: 'if (needsJoint(change)) return enterJoint(configuration, change.changes, change.transition !== \'explicit\')',
      replace: 'if (needsJoint(change)) return changeEach(configuration, change.changes)',
    }],
    seed: 65,
  },
  {
    name: 'of a joint configuration only the new voters count',
    mistake: 9,
    edits: [{
      file: 'core/quorum.ts',
      find: 'return Math.min(majorityIndex(voters, acked), majorityIndex(votersOutgoing, acked))',
      replace: 'return majorityIndex(voters, acked)',
    }],
    seed: 2,
  },
  {
    name: 'nodes that do not vote campaign',
    mistake: 10,
    edits: [{
      file: 'core/raft.ts',
      find: 'return own !== undefined && !own.learner && !this.log.restoring',
      replace: 'return own !== undefined && !this.log.restoring',
    }],
    seed: 1,
  },
  {
    name: 'who is behind the log gets no snapshot',
    mistake: 12,
    edits: [{
      file: 'core/replication.ts',
      find: 'return sendSnapshot(raft, to, progress)',
      replace: 'return false',
    }],
    seed: 1,
  },
  {
    name: 'a failed snapshot is not sent again',
    mistake: 12,
    edits: [{
      file: 'core/snapshots.ts',
      find: '  if (!arrived) progress.pendingSnapshot = 0\n',
      replace: '  if (!arrived) return\n',
    }],
    seed: 65,
  },
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
    seed: 79,
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
    seed: 39,
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
