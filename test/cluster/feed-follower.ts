import type { Canon } from '../simulation/canon.ts'
import { Violation } from '../simulation/violation.ts'
import type { Cluster, ClusterNode } from './cluster.ts'

/**
 * Follows the feed until it is told to stop. After each page, and when a node does not answer or is behind, it goes on
 * at another node where it was: what it reads is the one feed, without a gap or a repeat.
 */
export async function follow (cluster: Cluster, canon: Canon, from: number, isStopped: () => boolean): Promise<void> {
  let position = 0
  for (let turn = from; !isStopped(); turn++) {
    const { up } = cluster
    try {
      // Without a node to ask it waits as well: a loop that never waits would keep everything else from running.
      if (up.length === 0) throw new Error('no node is up')
      position = await readOn(up[turn % up.length]!, canon, position, 100)
    } catch (error) {
      if (error instanceof Violation) throw error
      await new Promise((resolve) => { setTimeout(resolve, 20) })
    }
  }
}

/**
 * Reads a page after a position, or waits for one a little. Returns where it ends.
 *
 * @throws Violation when it does not fit what was read before, from whatever node; an Error when the node gives none
 */
export async function readOn (node: ClusterNode, canon: Canon, position: number, limit: number): Promise<number> {
  const { status, body } = await node.get(`/changes?since=${position}&limit=${limit}&block=1`)
  if (status !== 200) throw new Error(`${node.name} gives no page: ${JSON.stringify(body)}`)
  let at = position
  for (const change of body.changes as { revision: number }[]) {
    if (change.revision !== ++at) throw new Violation('feed', `a page of ${node.name} goes from ${at - 1} to ${change.revision}`)
    canon.change(change.revision, JSON.stringify(change), node.name)
  }
  return at
}
