import { until } from '../support/node.ts'
import type { ClusterNode } from './cluster.ts'

/** What the receipt tells through this node, once it is certain. */
export async function fateThrough (node: ClusterNode, receipt: string): Promise<Record<string, unknown>> {
  let body: Record<string, unknown> = {}
  await until(async () => {
    const answer = await node.get(`/receipts/${receipt}`)
    body = answer.body
    return answer.status === 200 && body.state !== 'pending'
  }, 'an outcome', 60)
  return body
}
