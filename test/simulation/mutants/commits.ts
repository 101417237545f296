import type { Mutant } from './mutant.ts'

/** What is committed, applied, and by which leader. */
export const commits: readonly Mutant[] = [
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
]
