import type { FastifyRequest } from 'fastify'
import { Problem } from '../storage/problem.ts'

/**
 * A condition that is ignored is worse than none: whoever sets one relies on it.
 *
 * @throws Problem INVALID_FIELD where `If-Match` or `If-None-Match` stands on a request that does not honour it
 */
export function refuseConditions ({ headers }: FastifyRequest, fields = ['if-match', 'if-none-match']): void {
  for (const field of fields) {
    if (headers[field] === undefined) continue
    throw new Problem('INVALID_FIELD', { field, reason: 'is only for writes of one key; compare in a transaction instead' })
  }
}
