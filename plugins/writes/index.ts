import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { calledIn } from '../../storage/called.ts'
import { Problem } from '../../storage/problem.ts'
import type { Compare, Operation, OperationPlace, Outcome, WriteProposal } from '../../storage/types.ts'
import { refuseConditions } from '../conditions.ts'
import { factsFor, ownKey } from '../refusal-facts.ts'
import { authorise } from './authorise.ts'
import { fingerprintOf } from './fingerprint.ts'
import { checkCompare, checkOperation, type FieldOf, type NameLimits } from './names.ts'

type Branch = OperationPlace['branch']

export interface WriteRequest {
  compare?: Compare[]
  then: Operation[]
  else?: Operation[]
  /** JSON pointers to the operations in the request's body, for errors; `/changes/0`, or nothing for a single one. */
  at?: (branch: Branch, place: number) => string
  /** Members that the request has elsewhere than in its body, or there by other names, for errors. */
  fields?: Partial<Record<keyof Operation, string>>
  /** `If-Match` and `If-None-Match` are among the comparisons. Elsewhere they are refused rather than ignored. */
  honoursConditions?: boolean
}

export type SuccessfulOutcome = Extract<Outcome, { ok: true }>

/** What `app.write` needs of a route's reply. */
interface Reply {
  code: (status: 202) => unknown
  header: (name: 'location', value: string) => unknown
}

type Ack = 'commit' | 'leader' | 'queue'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Checks names and limits, proposes one atomic write, and waits until it is applied, or for less if the request
     * says so. Resolves to what `answer` makes of the outcome, or to a receipt, with the status set to 202.
     *
     * @throws Problem why it was refused.
     */
    write: <Answer>(
      request: FastifyRequest, reply: Reply, write: WriteRequest, answer: (outcome: SuccessfulOutcome) => Answer
    ) => Promise<Answer | { receipt: string }>
  }
}

/** The one way from a route to the log, for every resource that can be written. */
async function writes (app: FastifyInstance): Promise<void> {
  const { config } = app
  const limits: NameLimits = {
    keyBytesMax: config.keyBytesMax, tagsMax: config.tagsMax, tagBytesMax: config.tagBytesMax,
  }

  app.decorate('write', async <Answer>(
    request: FastifyRequest,
    reply: Reply,
    { compare = [], then, else: otherwise, at = () => '', fields = {}, honoursConditions = false }: WriteRequest,
    answer: (outcome: SuccessfulOutcome) => Answer
  ) => {
    const access = app.access.of(request)
    authorise(access, { compare, operations: { then, else: otherwise ?? [] }, at })
    if (!honoursConditions) refuseConditions(request)
    const { isLow, freeBytes, neededBytes } = app.diskSpace
    if (isLow) throw new Problem('DISK_FULL', { freeBytes, neededBytes })
    const fieldsOf = (branch: Branch, place: number): FieldOf => (member) => fields[member] ?? `${at(branch, place)}/${member}`
    compare.forEach((item, place) => checkCompare(item, fieldsOf('compare', place), limits))
    then.forEach((item, place) => checkOperation(item, fieldsOf('then', place), limits))
    otherwise?.forEach((item, place) => checkOperation(item, fieldsOf('else', place), limits))
    const write: WriteProposal = { kind: 'write', compare, then }
    if (otherwise !== undefined) write.else = otherwise
    const key = idempotencyKeyOf(request, config.idempotencyKeyBytesMax)
    if (key !== null) write.idempotency = { key: ownKey(key, access), fingerprint: fingerprintOf(write) }
    // Names decide what its sender may do, and an id does not tell under which it will find its tenant.
    if (!access.writesAll || (compare.length > 0 && !access.seesAll)) {
      const called = calledIn(write, app.database.catalog).filter(({ name }) => name !== null)
      if (called.length > 0) write.called = called
    }
    const origin = { requestId: request.id, traceparent: request.traceparent ?? undefined }
    const ack = ackOf(request)
    if (ack !== 'commit') {
      const receipt = await (ack === 'queue' ? app.queue.add(write, origin) : app.raft.append(write, origin))
      reply.code(202)
      reply.header('location', `/receipts/${receipt}`)
      return { receipt }
    }
    const outcome = await app.raft.propose(write, origin)
    if (!outcome.ok) {
      const place = outcome.at === undefined ? '' : at(outcome.at.branch, outcome.at.place)
      const facts = factsFor(access, outcome.code, outcome.params)
      throw new Problem(outcome.code, facts, place === '' ? {} : { pointer: place })
    }
    return answer(outcome)
  })
}

export default fp(writes, { name: 'writes', fastify: '5.x', dependencies: ['storage', 'raft', 'queue', 'auth'] })

function ackOf ({ query }: FastifyRequest): Ack {
  return (query as { ack?: Ack }).ack ?? 'commit'
}

function idempotencyKeyOf (request: FastifyRequest, bytesMax: number): string | null {
  const key = request.headers['idempotency-key']
  if (key === undefined) return null
  if (typeof key !== 'string' || !/^[\x21-\x7e]+$/.test(key) || key.length > bytesMax) {
    throw new Problem('INVALID_FIELD', {
      field: 'idempotency-key', reason: `must be 1 to ${bytesMax} (CHANGEWELL_IDEMPOTENCY_KEY_BYTES_MAX) visible ASCII characters without spaces`,
    })
  }
  return key
}
