import type { FastifyBaseLogger } from 'fastify'
import type { Identify } from './identity.ts'
import type { NodeDiscovery } from './node-options.ts'

export interface OtherClustersOptions {
  /** This node's own. */
  clusterId: string
  discovery: Pick<NodeDiscovery, 'candidates'>
  identify: Identify
  logger: FastifyBaseLogger
  signal: AbortSignal
}

/** A member stays where it is, whatever it is told to join: whoever meant it to join others finds that in the log. */
export async function warnOfOtherClusters (
  { clusterId, discovery, identify, logger, signal }: OtherClustersOptions
): Promise<void> {
  // Who cannot be found or does not answer is looked for elsewhere.
  const candidates = await discovery.candidates(signal).catch(() => [])
  const found = await Promise.all(candidates.map(async ({ peerAddress, source }) => {
    const there = await identify(peerAddress).catch(() => null)
    return { address: `${peerAddress} (${source})`, clusterId: there?.clusterId ?? clusterId }
  }))
  const others = found.filter((each) => each.clusterId !== clusterId)
  if (others.length === 0 || signal.aborted) return
  const where = others.map((each) => `${each.address} belongs to ${each.clusterId}`).join(', ')
  logger.warn({ clusterId, others }, `this node stays in its cluster, ${clusterId}, but is to join another: ${where}. To join that one, ` +
    'start it with an empty data folder; to stay, unset CHANGEWELL_JOIN, or mend what its discovery provider finds')
}
