import { enterJoint, leave, simple, withProgress } from '../../../plugins/raft/core/changer.ts'
import type { Membership } from '../../../plugins/raft/core/changer.ts'
import { ConfigurationError, emptyConfiguration } from '../../../plugins/raft/core/index.ts'
import type { Configuration } from '../../../plugins/raft/core/index.ts'
import { parseChanges } from './changes.ts'
import { option } from './datadriven.ts'
import type { Command } from './datadriven.ts'
import { describeConfiguration, describeProgress } from './describe.ts'
import { nodeId } from './ids.ts'

const limits = { inflightMessagesMax: 10, inflightBytesMax: Infinity }

/** Plays `simple`, `enter-joint` and `leave-joint`: changes of the members of a cluster that begins without any. */
export class ConfchangePlayer {
  #membership: Membership = { configuration: emptyConfiguration, progress: new Map() }
  /** One more with each command, so that it shows when a member was added. */
  #lastIndex = 0

  play (command: Command): string {
    const lastIndex = this.#lastIndex++
    try {
      const configuration = change(this.#membership.configuration, command)
      this.#membership = withProgress(configuration, this.#membership.progress, lastIndex, limits)
    } catch (error) {
      if (error instanceof ConfigurationError) return error.message
      throw error
    }
    const { configuration, progress } = this.#membership
    const members = [...progress].map(([id, member]) => {
      const { state, match, next, learner, recentlyActive, pendingSnapshot } = member
      const { count: inflight, full: inflightFull } = member.inflights
      const shown = { state, match, next, learner, recentlyActive, pendingSnapshot, inflight, inflightFull }
      return describeProgress(id, { ...shown, blocked: member.blocked })
    })
    return [describeConfiguration(configuration), ...members].join('\n')
  }
}

function change (configuration: Configuration, command: Command): Configuration {
  // An application takes a change back by making its node zero: it means nothing.
  const changes = parseChanges(command.input).filter(({ node }) => node !== nodeId(0))
  switch (command.name) {
    case 'simple': return simple(configuration, changes)
    case 'enter-joint': return enterJoint(configuration, changes, option(command, 'autoleave') === 'true')
    case 'leave-joint': return leave(configuration)
    default: throw new Error(`unknown command ${command.name}`)
  }
}
