import type { Fate } from '../../storage/fate.ts'
import { beginningMillis } from './beginning.ts'
import type { Cluster } from './cluster.ts'
import { proposeVia } from './forward.ts'
import type { GivenReceipt, History, Operation } from './history.ts'
import type { SimNode } from './node.ts'
import type { World } from './world.ts'

/** Longer than any simulation: what became of a write is never forgotten. */
const keptMillis = 3_600_000

/** So long a write has until its deadline; one that is queued has more. */
const withinMillis = [20, 200, 1000]
const queuedWithinMillis = [300, 2000]

/** A node has taken a write in, and this is its attempt at it. */
export interface Taken {
  given: GivenReceipt
  tag: string
}

/** The clock of a node, and that of its database if that is ahead. Milliseconds. */
export function clockOf ({ skewMillis, machine }: SimNode, nowMicros: number): number {
  return Math.max(beginningMillis + Math.floor(nowMicros / 1000) + skewMillis, machine.database.timestamp)
}

/** What a node does when it takes a write in; one that is queued keeps the receipt that it had first. */
export function takeIn (world: World, history: History, node: SimNode, operation: Operation): Taken {
  const given = operation.queued ?? give(world, history, node, operation)
  return { given, tag: history.tag(given) }
}

function give ({ chance, events }: World, history: History, node: SimNode, operation: Operation): GivenReceipt {
  const id = Buffer.alloc(10)
  id.writeUInt32BE(history.receipts.length)
  const isRepeated = operation.receipts.length === 0 && chance.chance(0.3)
  const deadline = clockOf(node, events.now) + chance.pick(isRepeated ? queuedWithinMillis : withinMillis)
  const given = history.give(operation, {
    id, deadline, keptUntil: deadline + keptMillis, isRepeated, after: node.machine.applied.index, clusterId: '',
  })
  if (isRepeated) operation.queued = given
  return given
}

/**
 * What a node does when it is asked what became of a write: it looks at its database, then sees to it that this holds
 * what the cluster knows. Where its clock is past the deadline, and the database's is not, it has the leader move that.
 */
export async function inquire (
  world: World, cluster: Cluster, node: SimNode, { receipt }: GivenReceipt, reply: (fate: Fate | null) => void
): Promise<void> {
  const { product: { readReceipt }, events } = world
  const known = await readReceipt(node.machine.database, receipt)
  if (known !== null) return reply(known)
  if (!node.isUp) return reply(null)
  const asked = node.askToRead(async (ready) => {
    if (ready === null) return reply(null)
    const found = await readReceipt(ready.machine.database, receipt)
    if (found !== null || clockOf(ready, events.now) <= receipt.deadline || !ready.isUp) return reply(found)
    const expire = (leader: SimNode) => ({ kind: 'expire' as const, timestamp: clockOf(leader, events.now) })
    proposeVia(world, cluster, ready, expire, () => {
      const isAsked = ready.isUp && ready.askToRead(async (caughtUp) => {
        reply(caughtUp === null ? null : await readReceipt(caughtUp.machine.database, receipt))
      })
      if (!isAsked) reply(null)
    })
  })
  if (!asked) reply(null)
}
