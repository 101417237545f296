import { entryTypes } from '../../../plugins/raft/core/index.ts'
import type { Entry, HardState, Message, NodeId, PersistReceipt, Ready, Snapshot } from '../../../plugins/raft/core/index.ts'
import { describeEntry, describeSnapshot } from './describe.ts'
import { nodeNumber } from './ids.ts'

/** With asynchronous storage a node sends its work to two threads, and these answer through the network. */

export interface StorageAppend {
  type: 'storage-append'
  from: NodeId
  hardState: HardState | null
  entries: readonly Entry[]
  snapshot: Snapshot | null
  responses: readonly NetworkMessage[]
}

export interface StorageAppendResponse {
  type: 'storage-append-response'
  to: NodeId
  receipt: PersistReceipt
}

export interface StorageApply {
  type: 'storage-apply'
  from: NodeId
  entries: readonly Entry[]
  responses: readonly NetworkMessage[]
}

export interface StorageApplyResponse {
  type: 'storage-apply-response'
  to: NodeId
  entries: readonly Entry[]
}

export type NetworkMessage = Message | StorageAppendResponse | StorageApplyResponse
export type AnyMessage = NetworkMessage | StorageAppend | StorageApply

/** Null where there is nothing to write and nothing waits for what is being written. */
export function storageAppend (from: NodeId, ready: Ready): StorageAppend | null {
  const { hardState, entries, snapshot, receipt, responses } = ready
  if (hardState === null && snapshot === null && entries.length === 0 && responses.length === 0) return null
  const done = receipt === null ? [] : [{ type: 'storage-append-response' as const, to: from, receipt }]
  return { type: 'storage-append', from, hardState, entries, snapshot, responses: [...responses, ...done] }
}

export function storageApply (from: NodeId, { committed }: Ready): StorageApply | null {
  const response = { type: 'storage-apply-response' as const, to: from, entries: committed }
  return committed.length === 0
    ? null
    : { type: 'storage-apply', from, entries: committed, responses: [response] }
}

/** From a node to itself, or from one of its threads: nothing that a network could lose. */
export function isLocal (message: NetworkMessage): boolean {
  return !('from' in message) || message.from === message.to
}

const names: Record<AnyMessage['type'], string> = {
  append: 'MsgApp',
  'append-response': 'MsgAppResp',
  heartbeat: 'MsgHeartbeat',
  'heartbeat-response': 'MsgHeartbeatResp',
  vote: 'MsgVote',
  'vote-response': 'MsgVoteResp',
  'pre-vote': 'MsgPreVote',
  'pre-vote-response': 'MsgPreVoteResp',
  snapshot: 'MsgSnap',
  'timeout-now': 'MsgTimeoutNow',
  'transfer-leader': 'MsgTransferLeader',
  propose: 'MsgProp',
  'read-index': 'MsgReadIndex',
  'read-index-response': 'MsgReadIndexResp',
  'storage-append': 'MsgStorageAppend',
  'storage-append-response': 'MsgStorageAppendResp',
  'storage-apply': 'MsgStorageApply',
  'storage-apply-response': 'MsgStorageApplyResp',
}

export function messageName ({ type }: AnyMessage): string {
  return names[type]
}

/** A message with all that a transcript may show of one. Numbers that are 0 are shown only in `term` and `log`. */
interface Shown {
  from: string
  to: string
  term: number
  /** Term and index. */
  log?: readonly [number, number]
  /** A refusal, and where to try next. */
  hint?: number | undefined
  commit?: number | undefined
  vote?: NodeId | null | undefined
  entries?: readonly Parameters<typeof describeEntry>[0][]
  snapshot?: Snapshot | null
  responses?: readonly NetworkMessage[]
}

export function describeMessage (message: AnyMessage, indent = ''): string {
  const { from, to, term, log: [logTerm, index] = [0, 0], ...shown } = show(message)
  const { hint, commit = 0, vote = null, entries = [], snapshot = null, responses = [] } = shown
  return `${indent}${from}->${to} ${names[message.type]} Term:${term} Log:${logTerm}/${index}` +
    (hint === undefined ? '' : ` Rejected (Hint: ${hint})`) +
    (commit === 0 ? '' : ` Commit:${commit}`) +
    (vote === null ? '' : ` Vote:${nodeNumber(vote)}`) +
    describeEntries(entries, indent) +
    (snapshot === null ? '' : `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`) +
    describeResponses(responses, indent)
}

function describeEntries (entries: NonNullable<Shown['entries']>, indent: string): string {
  if (entries.length === 0) return ''
  if (entries.length === 1) return ` Entries:[${describeEntry(entries[0]!)}]`
  return ` Entries:[${entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`).join('')}\n${indent}]`
}

function describeResponses (responses: readonly NetworkMessage[], indent: string): string {
  if (responses.length === 0) return ''
  return ` Responses:[${responses.map((message) => `\n${describeMessage(message, `${indent}  `)}`).join('')}\n${indent}]`
}

function show (message: AnyMessage): Shown {
  switch (message.type) {
    case 'storage-append': {
      const { hardState, entries, snapshot, responses } = message
      const { term = 0, vote, commit } = hardState ?? {}
      return { from: hex(message.from), to: 'AppendThread', term, vote, commit, entries, snapshot, responses }
    }
    case 'storage-append-response': {
      const { term, last, snapshot } = message.receipt
      return { from: 'AppendThread', to: hex(message.to), term, log: [last?.term ?? 0, last?.index ?? 0], snapshot }
    }
    case 'storage-apply': {
      const { entries, responses } = message
      return { from: hex(message.from), to: 'ApplyThread', term: 0, entries, responses }
    }
    case 'storage-apply-response':
      return { from: 'ApplyThread', to: hex(message.to), term: 0, entries: message.entries }
    default:
      return { from: hex(message.from), to: hex(message.to), term: message.term, ...showContent(message) }
  }
}

function showContent (message: Message): Partial<Shown> {
  switch (message.type) {
    case 'append': {
      const { logTerm, index, commit, entries } = message
      return { log: [logTerm, index], commit, entries }
    }
    case 'append-response': {
      const { hintTerm, index, reject, hint } = message
      return { log: [hintTerm, index], hint: reject ? hint : undefined }
    }
    case 'heartbeat': return { commit: message.commit }
    case 'vote':
    case 'pre-vote': return { log: [message.logTerm, message.index] }
    case 'vote-response':
    case 'pre-vote-response': return { hint: message.reject ? 0 : undefined }
    case 'snapshot': return { snapshot: message.snapshot }
    case 'propose': return { entries: message.entries.map((entry) => ({ term: 0, index: 0, ...entry })) }
    case 'read-index': return { entries: [contextEntry(message.context)] }
    case 'read-index-response': return { log: [0, message.index], entries: [contextEntry(message.context)] }
    default: return {}
  }
}

function contextEntry (context: string): Parameters<typeof describeEntry>[0] {
  return { term: 0, index: 0, type: entryTypes.command, data: Buffer.from(context) }
}

function hex (id: NodeId): string {
  return nodeNumber(id).toString(16)
}
