import { encodeCommand } from '../../storage/command.ts'
import type { Command } from '../../storage/types.ts'
import type { Cluster } from './cluster.ts'
import type { SimNode, WriteAnswer } from './node.ts'
import type { World } from './world.ts'

/** What is before a write at the leader, a lock or a hook, takes no longer. */
const waitMicrosMax = 1_500_000

/**
 * Has whom this node takes for the leader propose the command, which gets that one's clock when its turn comes. That
 * may be long after the node took it in, with another leader elected meanwhile. The answer may never come.
 */
export function proposeVia (
  world: World, { nodes, network }: Cluster, node: SimNode, command: (leader: SimNode) => Command, answer: WriteAnswer
): void {
  const { chance, events, plan } = world
  const leader = node.soft.leader === null ? undefined : nodes.get(node.soft.leader)
  if (leader === undefined) return answer({ result: 'lost' })
  const isLost = (): boolean => !world.calm && chance.chance(plan.loss)
  const carry = (from: SimNode, to: SimNode, happen: () => void): void => {
    if (from === to) return happen()
    if (isLost()) return
    events.after(network.delay(), () => { if (to.isUp && !network.isCut(from.id, to.id)) happen() })
  }
  const propose = (): void => {
    if (!leader.isUp) return
    leader.askToWrite(encodeCommand(command(leader)), (outcome) => carry(leader, node, () => answer(outcome)))
  }
  carry(node, leader, () => {
    if (world.calm || chance.chance(0.8)) return propose()
    world.counts.add('writes that wait')
    events.after(chance.between(0, waitMicrosMax), propose)
  })
}
