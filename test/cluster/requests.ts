import type { Operation, OperationResult } from '../simulation/history.ts'
import type { Answer, ClusterNode } from './cluster.ts'

const place = { tenant: 't', collection: 'c' }

/** Asks a node over HTTP; null when it does not tell what became of it. The id goes along as a tag, into the feed. */
export async function ask (node: ClusterNode, operation: Operation): Promise<OperationResult | null> {
  const answer = await send(node, operation).catch(() => null)
  if (answer === null || answer.status >= 500) return null
  const { status, body, headers } = answer
  const database = Number(headers.get('changewell-revision'))
  if (operation.kind === 'read') {
    if (status === 200) return { what: 'seen', revision: body.revision as number, database }
    if (body.code === 'KEY_NOT_FOUND') return { what: 'seen', revision: 0, database }
  } else {
    const created = operation.kind === 'put' || operation.kind === 'compare' ? status === 201 : null
    if (status < 300) return { what: 'done', revision: body.revision as number, created, database }
    if (body.code === 'KEY_NOT_FOUND' || body.code === 'PRECONDITION_FAILED') return { what: 'refused', database }
  }
  throw new Error(`${node.name} refused ${operation.kind} ${operation.id}: ${JSON.stringify(body)}`)
}

function send (node: ClusterNode, { id, kind, key, expected }: Operation): Promise<Answer> {
  const headers = { 'idempotency-key': id }
  const change = { data: id, tags: [id] }
  const path = `/tenants/t/collections/c/keys/${key}`
  switch (kind) {
    case 'read': return node.get(path)
    case 'put': return node.call('PUT', path, change, headers)
    case 'compare': return node.call('PUT', path, change, { ...headers, ...conditionOf(expected) })
    case 'record': return node.call('POST', '/changes', change, headers)
    case 'delete': return node.call('POST', '/changes', { type: 'delete', ...place, key, tags: [id] }, headers)
  }
}

function conditionOf (expected: number): Record<string, string> {
  return expected === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${expected}"` }
}
