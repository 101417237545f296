import { BinaryReader, BinaryWriter } from '../../storage/binary.ts'
import { Problem, type ProblemCode, type Problems } from '../../storage/problem.ts'
import { decodeProposal, encodeProposal } from '../../storage/proposal.ts'
import type { Outcome, Proposal } from '../../storage/types.ts'
import type { Origin } from './consensus.ts'

/** What nodes ask each other beside the messages of the core, by the number that stands for it on the wire. */
export const methods = { propose: 1, snapshotFailed: 2, member: 3, snapshotArrived: 4, ask: 8 } as const

/** What the answer waits for: that the leader has applied the command, or has it in its log. */
export type Until = 'applied' | 'appended'

export interface Forwarded {
  proposal: Proposal
  until: Until
  origin: Origin | undefined
}

/**
 * Elsewhere: the node that was asked does not lead, and nothing was done. Expired: its clock is past the deadline of
 * the write, and nothing was done.
 */
export type ForwardedAnswer =
  { result: 'appended' } |
  { result: 'expired', now: number } |
  { result: 'applied', index: number, outcome: Outcome } |
  { result: 'elsewhere' } |
  { result: 'problem', problem: Problem }

/** Request id and trace context (texts), the command with no time in it yet, and what to wait for. */
export function encodeForwarded ({ proposal, origin, until }: Forwarded): Buffer {
  const command = encodeProposal(proposal)
  return new BinaryWriter().text(origin?.requestId ?? '').text(origin?.traceparent ?? '').bytes(command)
    .u8(until === 'appended' ? 1 : 0).finish()
}

/** @throws RangeError for bytes that are no such request. */
export function decodeForwarded (bytes: Buffer): Forwarded {
  const from = new BinaryReader(bytes)
  const requestId = from.text()
  const traceparent = from.text() || undefined
  const proposal = decodeProposal(from.bytes())
  const until = from.u8() === 1 ? 'appended' : 'applied'
  return { proposal, until, origin: requestId === '' ? undefined : { requestId, traceparent } }
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
