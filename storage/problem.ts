import type { OperationPlace } from './types.ts'

/**
 * What every problem carries, by its code. `app/errors.ts` gives each code its status and its sentence; the two are
 * held together by the compiler.
 */
export interface Problems {
  // What the request said wrongly.
  BAD_REQUEST: { reason: string }
  INVALID_FIELD: { field: string, reason: string }
  INVALID_JSON: { reason: string, offset?: number }
  UNSUPPORTED_MEDIA_TYPE: { mediaType: string }
  NOT_ACCEPTABLE: { accept: string }
  BODY_TOO_LARGE: { limitBytes: number }
  HEADERS_TOO_LARGE: { limitBytes: number }
  REQUEST_TIMEOUT: { timeoutSeconds: number }
  IDEMPOTENCY_KEY_REUSED: { key: string }
  // Who sent it, and what they may do.
  /** `certificate` is here and below the subject of one that was shown and names nobody. */
  UNAUTHENTICATED: { reason: string, schemes: string[], certificate?: string | undefined }
  FORBIDDEN: { identity: string | null, role: string, tenant: string | null, certificate?: string | undefined }
  TOO_MANY_ATTEMPTS: { retryAfterSeconds: number }
  RIGHTS_CHANGED: { identity: string | null, revision?: number | undefined }
  CERTIFICATE_REFUSED: { reason: string }
  PEER_CERTIFICATE: { reason: string }
  // What it named and is not there.
  ROUTE_NOT_FOUND: { method: string, path: string }
  METHOD_NOT_ALLOWED: { method: string, path: string, allow: string }
  TENANT_NOT_FOUND: { tenant: string }
  COLLECTION_NOT_FOUND: { tenant: string, collection: string }
  KEY_NOT_FOUND: { tenant: string, collection: string, key: string }
  REVISION_NOT_FOUND: { revision: number, lastRevision: number }
  REVISION_AHEAD: { since: number, revision: number }
  HISTORY_GONE: { firstRevision: number }
  RECEIPT_NOT_FOUND: { reason: string }
  RECEIPT_GONE: { keptUntil: string }
  MEMBER_NOT_FOUND: { id: string }
  NODE_REMOVED: { id: string }
  // What stands against it.
  LAST_VOTER: { id: string }
  TENANT_EXISTS: { tenant: string }
  /** Numbers are for whoever may read the tenant, as the name of the next one is. */
  TENANT_NOT_EMPTY: { tenant: string, tenants?: number, collections?: number }
  TENANT_RENAMED: { tenant: string }
  TENANT_MOVED: { tenant: string, name: string }
  TENANT_NAME_TOO_LONG: { tenant?: string, bytes?: number, limitBytes: number }
  COLLECTION_EXISTS: { tenant: string, collection: string }
  COLLECTION_NOT_EMPTY: { tenant: string, collection: string }
  PRECONDITION_FAILED: { tenant: string, collection: string, key: string, revision: number }
  WRITE_REJECTED: { hook: string, reason: string }
  // What the node cannot do now.
  TOO_MANY_READERS: { setting: string, limit: number }
  TOO_MANY_WRITES: { limit: number }
  TOO_MUCH_UNCOMMITTED: { limitBytes: number }
  TOO_MANY_WAITERS: { limit: number }
  LOCK_TIMEOUT: { waitSeconds: number }
  HOOK_FAILED: { hook: string, reason: string }
  QUEUE_FULL: { setting: string, limit: number }
  WRITE_TIMEOUT: { timeoutSeconds: number, receipt?: string }
  WRITE_EXPIRED: { deadline: string }
  NO_LEADER: { reason: string }
  NO_SUCCESSOR: { reason: string }
  NODE_LOST_DATA: { id: string }
  ADDRESS_UNREACHABLE: { id: string, address: string, by: string, reason: string }
  WRONG_CLUSTER: { wanted: string, clusterId: string }
  REVISION_TIMEOUT: { wanted: number, revision: number, timeoutSeconds: number }
  OVERLOADED: { delayMs: number, limitMs: number }
  DRAINING: { reason: string }
  NOT_READY: { reason: string }
  OUTCOME_UNKNOWN: { reason: string, receipt?: string }
  DISK_FULL: { freeBytes: number, neededBytes: number }
  STORAGE_FAILED: { reason: string }
  INTERNAL: { requestId: string }
}

export type ProblemCode = keyof Problems

/** A refusal with a stable code. It carries facts; the words are made where it is shown. */
export class Problem<Code extends ProblemCode = ProblemCode> extends Error {
  readonly code: Code
  readonly params: Problems[Code]
  /** Which part of a write is refused. */
  at?: OperationPlace
  /** The same for whoever sent the request: a JSON pointer into its body. */
  readonly pointer: string | undefined

  constructor (code: Code, params: Problems[Code], options?: ErrorOptions & { pointer?: string | undefined }) {
    super(`${code} ${JSON.stringify(params)}`, options)
    this.name = 'Problem'
    this.code = code
    this.params = params
    this.pointer = options?.pointer
  }
}
