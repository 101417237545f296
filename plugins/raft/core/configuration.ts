import type { Configuration, NodeId } from './types.ts'

export const emptyConfiguration: Configuration = {
  voters: [], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false,
}

export function isJoint ({ votersOutgoing }: Configuration): boolean {
  return votersOutgoing.length > 0
}

export function isVoter ({ voters, votersOutgoing }: Configuration, id: NodeId): boolean {
  return voters.includes(id) || votersOutgoing.includes(id)
}

/** Voters of both sets, each once, in order. */
export function allVoters ({ voters, votersOutgoing }: Configuration): NodeId[] {
  return votersOutgoing.reduce<NodeId[]>((ids, id) => withId(ids, id), [...voters])
}

/** Everyone that the log is sent to, in order. Who will be a learner is a voter still. */
export function allMembers (configuration: Configuration): NodeId[] {
  return configuration.learners.reduce<NodeId[]>((ids, id) => withId(ids, id), allVoters(configuration))
}

/** The ids with this one among them, in order. */
export function withId (ids: readonly NodeId[], id: NodeId): NodeId[] {
  return ids.includes(id) ? [...ids] : [...ids, id].sort()
}

export function withoutId (ids: readonly NodeId[], id: NodeId): NodeId[] {
  return ids.filter((other) => other !== id)
}
