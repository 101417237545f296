import type { Configuration, NodeId } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import type { Plan } from '../plan.ts'
import { Violation } from '../violation.ts'

interface Touch {
  term: number
  configuration: Configuration
  transferee: NodeId | null
  /** In ticks: when these things became so. */
  since: number
  /** In ticks: when each member was heard last. */
  heard: Map<NodeId, number>
}

/**
 * A leader that does not hear from a quorum steps down (Raft thesis, section 6.2). It looks once an election timeout at
 * what came since the last look, and begins a new count with a transfer: so three of them are always enough.
 */
export function quorumInTouch ({ checkQuorum, electionTicks }: Plan): Check {
  if (!checkQuorum) return {}
  const ticksMax = 3 * electionTicks
  const touches = new Map<NodeId, Touch>()
  return {
    started ({ id }) {
      touches.delete(id)
    },
    received ({ id, ticks }, { from }) {
      touches.get(id)?.heard.set(from, ticks)
    },
    turned ({ id, name, ticks }, { role, term, configuration, transferee }) {
      if (role !== 'leader') {
        touches.delete(id)
        return
      }
      const touch = touches.get(id)
      if (touch?.term !== term || touch.configuration !== configuration || touch.transferee !== transferee) {
        touches.set(id, { term, configuration, transferee, since: ticks, heard: new Map() })
        return
      }
      const isHeard = (voter: NodeId): boolean => (
        voter === id || ticks - (touch.heard.get(voter) ?? touch.since) <= ticksMax)
      for (const voters of [configuration.voters, configuration.votersOutgoing]) {
        if (voters.length === 0 || voters.filter(isHeard).length * 2 > voters.length) continue
        throw new Violation('quorum in touch',
          `${name} leads term ${term}, and has not heard from a quorum for ${ticksMax} ticks`)
      }
    },
  }
}
