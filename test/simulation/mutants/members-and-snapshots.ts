import type { Mutant } from './mutant.ts'

/** Who belongs to the cluster, and who is behind the log. */
export const membersAndSnapshots: readonly Mutant[] = [
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
]
