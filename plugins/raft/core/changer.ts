import { allMembers, isJoint, withId, withoutId } from './configuration.ts'
import { leavesJoint, needsJoint } from './configuration-change.ts'
import type { ConfigurationChange, MemberChange } from './configuration-change.ts'
import { Progress } from './progress.ts'
import type { FlowLimits } from './progress.ts'
import type { Configuration, NodeId } from './types.ts'

/** Members and what is known of each of their logs; they change together. */
export interface Membership {
  configuration: Configuration
  /** In order of ids. */
  progress: ReadonlyMap<NodeId, Progress>
}

/** A change that the configuration does not allow. */
export class ConfigurationError extends Error {
  constructor (message: string) {
    super(message)
    this.name = 'ConfigurationError'
  }
}

/**
 * The membership after the change. Members that stay keep what is known of them; new ones are probed from `lastIndex`.
 *
 * @throws ConfigurationError when the change does not fit the configuration
 */
export function applyChange (
  membership: Membership, change: ConfigurationChange, lastIndex: number, limits: FlowLimits): Membership {
  const changed = changeConfiguration(membership.configuration, change)
  // Who was removed and added again may come with another disk: nothing of it is known.
  const known = new Map(membership.progress)
  for (const { type, node } of change.changes) {
    if (type === 'remove' && !changed.votersOutgoing.includes(node)) known.delete(node)
  }
  return withProgress(changed, known, lastIndex, limits)
}

/** @throws ConfigurationError when the change does not fit the configuration */
export function changeConfiguration (configuration: Configuration, change: ConfigurationChange): Configuration {
  if (leavesJoint(change)) return leave(configuration)
  if (needsJoint(change)) return enterJoint(configuration, change.changes, change.transition !== 'explicit')
  return simple(configuration, change.changes)
}

/** The membership of a snapshot, of whose members nothing is known yet. */
export function restoreMembership (configuration: Configuration, lastIndex: number, limits: FlowLimits): Membership {
  return withProgress(configuration, new Map(), lastIndex, limits)
}

/** Both sets of voters agree from here on: the old one keeps its say until the joint configuration is left. */
export function enterJoint (
  configuration: Configuration, changes: readonly MemberChange[], autoLeave: boolean): Configuration {
  if (isJoint(configuration)) throw new ConfigurationError('config is already joint')
  const { voters } = configuration
  if (voters.length === 0) throw new ConfigurationError("can't make a zero-voter config joint")
  return { ...changeEach({ ...configuration, votersOutgoing: voters }, changes), autoLeave }
}

/** The new voters decide alone, and who waited to become a learner is one. */
export function leave (configuration: Configuration): Configuration {
  if (!isJoint(configuration)) throw new ConfigurationError("can't leave a non-joint config")
  const { voters, learners, learnersNext } = configuration
  return {
    voters,
    votersOutgoing: [],
    learners: learnersNext.reduce<readonly NodeId[]>(withId, learners),
    learnersNext: [],
    autoLeave: false,
  }
}

/** At most one voter more or fewer: any majority of before and any of after have a node in common. */
export function simple (configuration: Configuration, changes: readonly MemberChange[]): Configuration {
  if (isJoint(configuration)) throw new ConfigurationError("can't apply simple config change in joint config")
  const changed = changeEach(configuration, changes)
  const added = changed.voters.filter((id) => !configuration.voters.includes(id))
  const removed = configuration.voters.filter((id) => !changed.voters.includes(id))
  if (added.length + removed.length > 1) {
    throw new ConfigurationError('more than one voter changed without entering joint config')
  }
  return changed
}

/** Keeps what is known of members that stay, and begins with what is not known of new ones. */
export function withProgress (
  configuration: Configuration, known: ReadonlyMap<NodeId, Progress>, lastIndex: number, limits: FlowLimits
): Membership {
  const progress = new Map<NodeId, Progress>()
  for (const id of allMembers(configuration)) {
    const learner = configuration.learners.includes(id)
    const member = known.get(id) ??
      new Progress({ match: 0, next: Math.max(lastIndex, 1), learner, recentlyActive: true }, limits)
    member.learner = learner
    progress.set(id, member)
  }
  return { configuration, progress }
}

function changeEach (configuration: Configuration, changes: readonly MemberChange[]): Configuration {
  const changed = changes.reduce(changeOne, configuration)
  if (changed.voters.length === 0) throw new ConfigurationError('removed all voters')
  return changed
}

function changeOne (configuration: Configuration, { type, node }: MemberChange): Configuration {
  const { learners, votersOutgoing } = configuration
  switch (type) {
    case 'voter': {
      const others = without(configuration, node)
      return { ...others, voters: withId(others.voters, node) }
    }
    case 'learner': {
      if (learners.includes(node)) return configuration
      const others = without(configuration, node)
      return votersOutgoing.includes(node)
        ? { ...others, learnersNext: withId(others.learnersNext, node) }
        : { ...others, learners: withId(others.learners, node) }
    }
    case 'remove':
      return without(configuration, node)
    case 'update':
      return configuration
  }
}

/** The old voters of a joint configuration are as they were until it is left. */
function without (configuration: Configuration, id: NodeId): Configuration {
  return {
    ...configuration,
    voters: withoutId(configuration.voters, id),
    learners: withoutId(configuration.learners, id),
    learnersNext: withoutId(configuration.learnersNext, id),
  }
}
