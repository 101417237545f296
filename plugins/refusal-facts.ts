import type { FastifyInstance } from 'fastify'
import type { ProblemCode, Problems } from '../storage/problem.ts'

type Access = ReturnType<FastifyInstance['access']['of']>
type Facts = Problems[ProblemCode]

/**
 * The name under which an idempotency key is remembered: each identity has keys of its own, so that nobody learns of
 * another's, or takes one away. No key has a space.
 */
export function ownKey (key: string, { identity }: Pick<Access, 'identity'>): string {
  return identity === null ? key : `${key} ${identity}`
}

/** What the sender of a refused write is told: nothing of what it may write to and may not read, and its own key. */
export function factsFor (access: Pick<Access, 'mayRead'>, code: ProblemCode, facts: Facts): Facts {
  if (code === 'IDEMPOTENCY_KEY_REUSED') {
    const { key } = facts as Problems['IDEMPOTENCY_KEY_REUSED']
    return { key: key.split(' ', 1)[0]! }
  }
  if (code === 'TENANT_NOT_EMPTY') {
    const { tenant } = facts as Problems['TENANT_NOT_EMPTY']
    return access.mayRead(tenant) ? facts : { tenant }
  }
  if (code === 'TENANT_NAME_TOO_LONG') {
    const { tenant = '', limitBytes } = facts as Problems['TENANT_NAME_TOO_LONG']
    return access.mayRead(tenant) ? facts : { limitBytes }
  }
  return facts
}
