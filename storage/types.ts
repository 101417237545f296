import type { ProblemCode, Problems } from './problem.ts'

/** The things of the data model, as commands carry them in and readers get them out. */

export type CatalogChangeType =
  'tenant-create' | 'tenant-rename' | 'tenant-delete' | 'collection-create' | 'collection-delete'

export type ChangeType = 'put' | 'delete' | CatalogChangeType

export const changeTypes: readonly ChangeType[] = [
  'put', 'delete', 'tenant-create', 'tenant-rename', 'tenant-delete', 'collection-create', 'collection-delete',
]

/** One step of a write. `tenant` is a name or an id; `data` is JSON text, already compact. */
export interface Operation {
  type: ChangeType
  tenant?: string
  collection?: string
  key?: string
  tags?: string[]
  data?: Buffer
  /** For tenant-rename: the new name. */
  name?: string
  /** For tenant-delete and collection-delete: with all that it holds. */
  recursive?: boolean
}

/** `revision` is the one that the key must have: 0 means absent, `exists` means present at any revision. */
export interface Compare {
  tenant: string
  collection: string
  key: string
  revision: number | 'exists'
}

export interface Idempotency {
  key: string
  /** A digest of the request, so that the same key with another request is told apart. 16 bytes. */
  fingerprint: Buffer
  /** Milliseconds since 1970, by the leader's clock. */
  expiresAt: number
}

/** By which a write can be asked about later. */
export interface Receipt {
  /** Bytes by chance, so that nobody guesses it: whoever holds it may ask. */
  id: Buffer
  /** The write does nothing once the database's clock is past this. Milliseconds since 1970. */
  deadline: number
  /** The outcome is kept until the database's clock is past this. Milliseconds since 1970; not before the deadline. */
  keptUntil: number
  /** The same write may come again, and must be recognised by its receipt. */
  isRepeated: boolean
}

/** A tenant that a write refers to by id, and the name by which the write was judged; null when there was none. */
export interface Called {
  id: string
  name: string | null
}

export interface WriteCommand {
  kind: 'write'
  /** Milliseconds since 1970, by the leader's clock. */
  timestamp: number
  receipt?: Receipt
  idempotency?: Idempotency
  compare: Compare[]
  then: Operation[]
  /** Done when a comparison fails. Absent: the write is refused with PRECONDITION_FAILED. */
  else?: Operation[]
  /** The write is refused with TENANT_RENAMED when these have other names. */
  called?: Called[]
}

/**
 * Says of a write that may come again that it was refused before it was in any log: it is not made any more, and its
 * receipt tells why. One that was made before stays made.
 */
export interface RejectCommand {
  kind: 'reject'
  timestamp: number
  /** That of the write; `isRepeated`. */
  receipt: Receipt
  code: ProblemCode
  params: Problems[ProblemCode]
}

export interface ExpireCommand {
  kind: 'expire'
  timestamp: number
}

export interface TrimCommand {
  kind: 'trim'
  timestamp: number
  /** The oldest revision that stays in the history. */
  firstRevision: number
}

export interface SettingsCommand {
  kind: 'settings'
  timestamp: number
  /** Those that change. */
  settings: Partial<Settings>
}

/** The first command of a database: gives it the identity that every copy of it carries. */
export interface BootstrapCommand {
  kind: 'bootstrap'
  timestamp: number
  /** 16 hex digits. */
  clusterId: string
}

/** Puts a node on the list, or changes what the list says of it. */
export interface NodeCommand {
  kind: 'node'
  timestamp: number
  /** 16 hex digits. */
  id: string
  /** Null leaves it as it is: of a node that is on the list. */
  role: 'voter' | 'replica' | null
  /** host:port; empty leaves it as it is. */
  peerAddress: string
  apiAddress: string
}

/** Says that a node is to go. */
export interface NodeRemoveCommand {
  kind: 'node-remove'
  timestamp: number
  id: string
}

export type Command =
  BootstrapCommand | WriteCommand | RejectCommand | ExpireCommand | TrimCommand | SettingsCommand | NodeCommand |
  NodeRemoveCommand

/** Settings of the whole cluster, kept in the database. */
export interface Settings {
  /** How many changes of history stay, at least; null keeps all. */
  historyChanges: number | null
  /** Milliseconds between a leader's signs of life. */
  heartbeatMs: number
  /** Milliseconds without one, and up to twice as many at random, after which a voter campaigns. */
  electionMs: number
  /** Who is asked before a change is made. */
  webhooks: Webhook[]
}

/** A program elsewhere that is asked whether changes may be made. */
export interface Webhook {
  name: string
  url: string
  /** The name of a tenant: only changes in it and below it. */
  tenant?: string
  tag?: string
  headers: Record<string, string>
  timeoutMs: number
  /** What becomes of a change when it does not answer. */
  onFailure: 'fail-closed' | 'fail-open'
}

export interface Written {
  revision: number
  /** Milliseconds since 1970. */
  timestamp: number
  /** The operation made the key (or tenant, or collection) rather than changed it. */
  created: boolean
  /** Of the tenant, when one was renamed. What is created has its revision as id. */
  id?: number
}

/** Which of a command's comparisons or operations. */
export interface OperationPlace {
  branch: 'compare' | 'then' | 'else'
  place: number
}

/** What became of a command, for certain. `revision` is the database's after it. */
export type Outcome =
  { ok: true, branch: 'then' | 'else', written: Written[], revision: number } |
  { ok: false, code: ProblemCode, params: Problems[ProblemCode], revision: number, at?: OperationPlace }

export interface Tenant {
  id: number
  /** The whole path. */
  name: string
  /** Of its last creation or rename. */
  revision: number
}

export interface Collection {
  id: number
  name: string
  tenant: string
  revision: number
}

export interface Entry {
  key: string
  revision: number
  timestamp: number
  data: Buffer
}

type Unstamped<C> = C extends WriteCommand
  ? Omit<C, 'timestamp' | 'idempotency'> & { idempotency?: Omit<Idempotency, 'expiresAt'> }
  : C extends Command ? Omit<C, 'timestamp'> : never

/** A command before the leader has put its clock into it. */
export type Proposal = Unstamped<Command>

export type WriteProposal = Unstamped<WriteCommand>
