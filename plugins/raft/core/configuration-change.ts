import type { NodeId } from './types.ts'

/**
 * Auto: in one step where that is safe, else through a joint configuration that is left by itself. Implicit: always
 * through a joint configuration that is left by itself. Explicit: through one that stays until a change without
 * `changes` leaves it.
 */
export type Transition = 'auto' | 'implicit' | 'explicit'

export interface MemberChange {
  /** Update changes nothing here; it lets an application log a change of a member's address in order with others. */
  type: 'voter' | 'learner' | 'remove' | 'update'
  node: NodeId
}

/** What a configuration entry says. Without changes it leaves a joint configuration. */
export interface ConfigurationChange {
  transition: Transition
  changes: readonly MemberChange[]
}

export const leaveJoint: ConfigurationChange = { transition: 'auto', changes: [] }

export function leavesJoint ({ transition, changes }: ConfigurationChange): boolean {
  return transition === 'auto' && changes.length === 0
}

/** Whether the change needs a joint configuration (Raft thesis, sections 4.1 and 4.3). */
export function needsJoint ({ transition, changes }: ConfigurationChange): boolean {
  return transition !== 'auto' || changes.length > 1
}

const transitions: Transition[] = ['auto', 'implicit', 'explicit']
const changeTypes: MemberChange['type'][] = ['voter', 'learner', 'remove', 'update']

/**
 * The bytes of a configuration entry: transition (one byte), then for each change its type (one byte), the length of
 * the id (one byte) and the id. Leaving is no bytes at all, so that no limit on size can refuse it.
 *
 * @throws RangeError for an id that is empty or longer than 255 bytes
 */
export function encodeChange (change: ConfigurationChange): Buffer {
  if (leavesJoint(change)) return Buffer.alloc(0)
  const parts = change.changes.map(({ type, node }) => {
    const id = Buffer.from(node)
    if (id.length === 0 || id.length > 255) throw new RangeError('a node id has 1 to 255 bytes')
    return Buffer.concat([Buffer.from([changeTypes.indexOf(type), id.length]), id])
  })
  return Buffer.concat([Buffer.from([transitions.indexOf(change.transition)]), ...parts])
}

/** @throws RangeError for bytes that `encodeChange` does not make */
export function decodeChange (data: Buffer): ConfigurationChange {
  if (data.length === 0) return leaveJoint
  const transition = transitions[data[0]!]
  const changes: MemberChange[] = []
  let at = 1
  while (at + 2 < data.length) {
    const type = changeTypes[data[at]!]
    const end = at + 2 + data[at + 1]!
    if (type === undefined || end > data.length || end === at + 2) throw damaged()
    changes.push({ type, node: data.toString('utf8', at + 2, end) })
    at = end
  }
  if (transition === undefined || at !== data.length) throw damaged()
  const change = { transition, changes }
  // An id that is no UTF-8 would be read as another node's.
  if (!encodeChange(change).equals(data)) throw damaged()
  return change
}

function damaged (): RangeError {
  return new RangeError('these are not the bytes of a configuration change')
}
