import { BinaryReader, BinaryWriter } from '../../storage/binary.ts'
import { decodeCommand, encodeCommand } from '../../storage/command.ts'
import { Problem, type ProblemCode, type Problems } from '../../storage/problem.ts'
import type { Outcome, Proposal, WriteCommand } from '../../storage/types.ts'
import type { Origin } from './consensus.ts'

/** What nodes ask each other beside the messages of the core, by the number that stands for it on the wire. */
export const methods = { propose: 1, snapshotFailed: 2, member: 3, snapshotArrived: 4, ask: 8, callBack: 16 } as const

export interface Forwarded {
  proposal: Proposal
  origin: Origin | undefined
}

/** Elsewhere: the node that was asked does not lead, and nothing was done. */
export type ForwardedAnswer =
  { result: 'applied', index: number, outcome: Outcome } |
  { result: 'elsewhere' } |
  { result: 'problem', problem: Problem }

/** Request id and trace context (texts), then the command with no time in it yet: the leader's clock counts. */
export function encodeForwarded ({ proposal, origin }: Forwarded): Buffer {
  const command = encodeCommand(untimed(proposal))
  return new BinaryWriter().text(origin?.requestId ?? '').text(origin?.traceparent ?? '').bytes(command).finish()
}

/** @throws RangeError for bytes that are no such request. */
export function decodeForwarded (bytes: Buffer): Forwarded {
  const from = new BinaryReader(bytes)
  const requestId = from.text()
  const traceparent = from.text() || undefined
  const proposal = decodeCommand(from.bytes())
  return { proposal, origin: requestId === '' ? undefined : { requestId, traceparent } }
}

/** JSON: answers are small and few beside the data of the requests. */
export function encodeAnswer (answer: ForwardedAnswer): Buffer {
  if (answer.result !== 'problem') return Buffer.from(JSON.stringify(answer))
  const { code, params } = answer.problem
  return Buffer.from(JSON.stringify({ result: 'problem', code, params }))
}

export function decodeAnswer (bytes: Buffer): ForwardedAnswer {
  const answer = JSON.parse(bytes.toString()) as
    Exclude<ForwardedAnswer, { result: 'problem' }> |
    { result: 'problem', code: ProblemCode, params: Problems[ProblemCode] }
  if (answer.result !== 'problem') return answer
  return { result: 'problem', problem: new Problem(answer.code, answer.params) }
}

function untimed (proposal: Proposal): WriteCommand | Exclude<Proposal, { kind: 'write' }> & { timestamp: number } {
  if (proposal.kind !== 'write') return { ...proposal, timestamp: 0 }
  const { idempotency, ...write } = proposal
  const recognised = idempotency === undefined ? {} : { idempotency: { ...idempotency, expiresAt: 0 } }
  return { ...write, timestamp: 0, ...recognised }
}
