import { encodeCommand } from '../../storage/command.ts'
import { readEntry } from '../../storage/entries.ts'
import type { ProblemCode } from '../../storage/problem.ts'
import type { Command, Operation as CommandOperation, Outcome, WriteCommand } from '../../storage/types.ts'
import type { NodeId } from '../../plugins/raft/core/index.ts'
import { collection, tenant } from './beginning.ts'
import type { Cluster } from './cluster.ts'
import { proposeVia } from './forward.ts'
import type { GivenReceipt, Operation, OperationKind, OperationResult } from './history.ts'
import type { SimNode, WriteAnswer } from './node.ts'
import { clockOf } from './receipts.ts'
import type { Taken } from './receipts.ts'
import type { World } from './world.ts'

/** What a node says to a client. Again: nothing is known, and the same may be asked once more, of `leader` if known. */
export type Reply =
  { kind: 'result', result: OperationResult } |
  { kind: 'again', why: string, leader: NodeId | null }

interface Place {
  tenant: string
  collection: string
  key: string
}

/** Longer than any simulation: a retry always finds the outcome of the first attempt. */
const idempotencyMillis = 3_600_000

const resendMicrosMax = 500_000

/** What a client sends: the operation, so many dots in its data, and the receipt that the node gave it, if any. */
export interface Request {
  operation: Operation
  padding: number
  taken: Taken | null
}

/** Does for a client what an HTTP route does. `reply` is called once, or never. */
export function serve (
  world: World, cluster: Cluster, node: SimNode, request: Request, reply: (reply: Reply) => void
): void {
  const { operation, taken } = request
  const again = (why: string): void => { reply({ kind: 'again', why, leader: node.isUp ? node.soft.leader : null }) }
  if (operation.kind === 'read') {
    const asked = node.askToRead(async (ready) => {
      if (ready === null) again('read lost')
      else reply({ kind: 'result', result: await readNow(ready, operation.key) })
    })
    if (!asked) again('no leader')
    return
  }
  // Of what a node sends again and again, some is rejected by a hook of the leader's.
  const isRejected = taken?.given.receipt.isRepeated === true && world.chance.chance(0.15)
  const command = (leader: SimNode): Command => {
    const timestamp = clockOf(leader, world.events.now)
    return isRejected ? rejectionOf(taken.given, timestamp) : commandOf(request, timestamp)
  }
  const answer: WriteAnswer = (outcome) => {
    const isLate = outcome.result === 'applied' && isExpired(outcome.outcome!)
    // Another attempt has another deadline; a queued write has only the one.
    if (isLate && !taken!.given.receipt.isRepeated) again('too late')
    else if (outcome.result === 'applied') reply({ kind: 'result', result: resultOf(outcome.outcome!) })
    else again(outcome.result === 'refused' ? outcome.reason : outcome.result)
  }
  if (taken === null) return node.askToWrite(encodeCommand(command(node)), answer)
  proposeVia(world, cluster, node, command, answer)
  const isSentAgain = taken.given.receipt.isRepeated && !world.calm && world.chance.chance(0.4)
  if (isSentAgain) sendAgain(world, cluster, node, request)
}

/** A node that died between sending a queued write and forgetting it sends it again when it is back. */
function sendAgain (world: World, cluster: Cluster, node: SimNode, request: Request): void {
  world.counts.add('writes sent again')
  world.events.after(world.chance.between(0, resendMicrosMax), () => {
    if (!node.isUp) return
    const command = (leader: SimNode): WriteCommand => commandOf(request, clockOf(leader, world.events.now))
    proposeVia(world, cluster, node, command, () => {})
  })
}

function rejectionOf ({ receipt }: GivenReceipt, timestamp: number): Command {
  return { kind: 'reject', timestamp, receipt, code: 'WRITE_REJECTED', params: { hook: 'a hook', reason: 'no' } }
}

function commandOf (
  { operation: { id, kind, key, expected }, taken, padding }: Request, timestamp: number
): WriteCommand {
  const place = { tenant, collection, key }
  const command: WriteCommand = {
    kind: 'write',
    timestamp,
    compare: kind === 'compare' ? [{ ...place, revision: expected }] : [],
    then: [changeOf(kind, place, taken === null ? [id] : [id, taken.tag], padding)],
  }
  if (taken !== null) {
    const { id: receiptId, deadline, keptUntil, isRepeated } = taken.given.receipt
    command.receipt = { id: receiptId, deadline, keptUntil, isRepeated }
  }
  if (taken?.given.receipt.isRepeated !== true) {
    command.idempotency = { key: id, fingerprint: Buffer.alloc(16, id), expiresAt: timestamp + idempotencyMillis }
  }
  return command
}

/** A record has no key, and so is only in the feed. */
function changeOf (kind: OperationKind, place: Place, tags: string[], padding: number): CommandOperation {
  if (kind === 'delete') return { type: 'delete', ...place, tags }
  const data = Buffer.from(JSON.stringify(tags[0] + '.'.repeat(padding)))
  return kind === 'record' ? { type: 'put', data, tags } : { type: 'put', ...place, data, tags }
}

function resultOf (outcome: Outcome): OperationResult {
  const { revision: database } = outcome
  if (!outcome.ok) return { what: isRejection(outcome.code) ? 'rejected' : 'refused', database }
  const { revision, created } = outcome.written[0]!
  return { what: 'done', revision, created, database }
}

/** Whether this is no matter of what the key was. */
export function isRejection (code: ProblemCode): boolean {
  return code === 'WRITE_EXPIRED' || code === 'WRITE_REJECTED'
}

function isExpired (outcome: Outcome): boolean {
  return !outcome.ok && outcome.code === 'WRITE_EXPIRED'
}

async function readNow ({ machine: { database } }: SimNode, key: string): Promise<OperationResult> {
  const held = database.catalog.tenant(tenant)!
  const { id } = database.catalog.collection(held, collection)!
  const entry = await readEntry(database.cache, held.id, id, key)
  return { what: 'seen', revision: entry?.revision ?? 0, database: database.revision }
}
