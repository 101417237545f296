import type { FastifyInstance } from 'fastify'
import { BinaryReader, BinaryWriter } from '../../storage/binary.ts'
import { decodeProposal, encodeProposal } from '../../storage/proposal.ts'
import type { Receipt, WriteProposal } from '../../storage/types.ts'

export type Origin = NonNullable<Parameters<FastifyInstance['raft']['propose']>[1]>

/** A write that waits to be sent on, as whoever sent it was told that it would be. */
export interface QueuedWrite {
  /** Milliseconds since 1970, by this node's clock. */
  acceptedAt: number
  /** What this node had applied then. */
  after: number
  origin: Origin
  proposal: WriteProposal & { receipt: Receipt }
}

export function encodeQueued ({ acceptedAt, after, origin, proposal }: QueuedWrite): Buffer {
  const command = encodeProposal(proposal)
  return new BinaryWriter().u64(acceptedAt).u64(after).text(origin.requestId).text(origin.traceparent ?? '').bytes(command).finish()
}

export function decodeQueued (bytes: Buffer): QueuedWrite {
  const from = new BinaryReader(bytes)
  const [acceptedAt, after, requestId] = [from.u64(), from.u64(), from.text()]
  const origin = { requestId, traceparent: from.text() || undefined }
  return { acceptedAt, after, origin, proposal: decodeProposal(from.bytes()) as QueuedWrite['proposal'] }
}
