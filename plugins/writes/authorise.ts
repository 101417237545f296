import type { FastifyInstance } from 'fastify'
import type { Compare, Operation, OperationPlace } from '../../storage/types.ts'

type Access = ReturnType<FastifyInstance['access']['of']>

interface Parts {
  compare: readonly Compare[]
  operations: { then: readonly Operation[], else: readonly Operation[] }
  /** JSON pointers into the request's body; empty for a body that is one operation. */
  at: (branch: OperationPlace['branch'], place: number) => string
}

/**
 * Refuses a write unless its sender may write to each tenant that it names and read each that it compares: also in the
 * branch that may not be taken, since its outcome would tell of what was compared. Both names of a rename count.
 *
 * @throws Problem FORBIDDEN, UNAUTHENTICATED
 */
export function authorise (access: Access, { compare, operations, at }: Parts): void {
  compare.forEach(({ tenant }, place) => access.assert('read', tenant, at('compare', place)))
  for (const branch of ['then', 'else'] as const) {
    operations[branch].forEach(({ tenant, name }, place) => {
      access.assert('write', tenant, at(branch, place))
      if (name !== undefined) access.assert('write', name, at(branch, place))
    })
  }
}
