import type { ErrorTable } from '../plugins/problems/table.ts'
import { askFor, ended, locationOf, namesNobody, quoted, retryAfter, roleOn } from './error-words.ts'

const exampleReceipt = 'Aqs0k3yhRkL0Yh1cBxwAAAGVxW3fbAAAAZXFpM9sAAAAAAAAAC9tGm0b'

/**
 * Every error, once: what a client is told about each code of storage/problem.ts. The detail says what happened and
 * what to do about it.
 */
export const errors: ErrorTable = {
  BAD_REQUEST: {
    status: 400,
    title: 'The request cannot be understood',
    detail: ({ reason }) => `The request cannot be understood: ${ended(reason)}`,
    example: { reason: 'the path "/%ff" is not well percent-encoded UTF-8' },
  },
  INVALID_FIELD: {
    status: 400,
    title: 'A field of the request is wrong',
    detail: ({ field, reason }) => `The field ${field} ${ended(reason)}`,
    example: { field: '/changes/3/key', reason: 'must not be empty' },
  },
  INVALID_JSON: {
    status: 400,
    title: 'The body is not JSON that is accepted here',
    detail: ({ reason, offset }) =>
      `The body is not JSON that is accepted here${offset === undefined ? '' : `, at byte ${offset}`}: ${ended(reason)}`,
    example: { reason: "expected ',' or '}' after a member", offset: 17 },
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The body has a media type that is not accepted here',
    detail: ({ mediaType }) => `The body's media type is ${mediaType}. Send JSON, uncompressed, with Content-Type: application/json.`,
    headers: () => ({ accept: 'application/json' }),
    example: { mediaType: 'text/xml' },
  },
  NOT_ACCEPTABLE: {
    status: 406,
    title: 'The answer does not exist in the wanted media type',
    detail: ({ accept }) => `None of ${accept} can be had here. Ask for application/json; for a feed also for ` +
      'text/event-stream or application/x-ndjson.',
    example: { accept: 'text/xml' },
  },
  BODY_TOO_LARGE: {
    status: 413,
    title: 'The body is too large',
    detail: ({ limitBytes }) => `The body is longer than ${limitBytes} bytes. Send less at a time, or raise ` +
      'CHANGEWELL_BODY_BYTES_MAX on every node.',
    example: { limitBytes: 4_194_304 },
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The head of the request is too large',
    detail: ({ limitBytes }) => `The request line and headers are longer than ${limitBytes} bytes. Send fewer or ` +
      'shorter headers, and a shorter URL.',
    example: { limitBytes: 16_384 },
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: 'The request did not arrive in time',
    detail: ({ timeoutSeconds }) => `The request was not complete after ${timeoutSeconds} seconds ` +
      '(CHANGEWELL_REQUEST_TIMEOUT_SECONDS), and nothing was done. Send it again.',
    example: { timeoutSeconds: 60 },
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'The idempotency key belongs to another request',
    detail: ({ key }) => `The Idempotency-Key ${quoted(key)} came with another request before. Use a new key for each ` +
      'write, and the same one only to repeat it.',
    example: { key: '3f1c' },
  },

  UNAUTHENTICATED: {
    status: 401,
    title: 'The caller has not shown who it is',
    detail: ({ reason, schemes, certificate }) => `${namesNobody(certificate)}Credentials are needed: ${ended(reason)} Send them as Authorization: ` +
      `${schemes.join(' or ')}.`,
    headers: ({ schemes }) => ({
      'www-authenticate': schemes.map((scheme) => `${scheme} realm="changewell"${scheme === 'Basic' ? ', charset="UTF-8"' : ''}`).join(', '),
    }),
    example: { reason: 'callers without any lack the role read on the tenant "coke"', schemes: ['Basic', 'Bearer'] },
  },
  FORBIDDEN: {
    status: 403,
    title: 'The caller may not do this',
    detail: ({ identity, role, tenant, certificate }) =>
      `${namesNobody(certificate)}${identity === null ? 'A caller without credentials' : `The identity ${quoted(identity)}`} lacks ${roleOn(role, tenant)}. ` +
      'Whoever keeps the policy file (CHANGEWELL_AUTH_POLICY) can give it.',
    example: { identity: 'ann', role: 'write', tenant: 'coke' },
  },
  TOO_MANY_ATTEMPTS: {
    status: 429,
    title: 'Too many wrong credentials',
    detail: ({ retryAfterSeconds }) => 'Too many wrong credentials came from this address or for this name, so these were ' +
      `not looked at. Correct them, and send them again in ${retryAfterSeconds} seconds.`,
    headers: ({ retryAfterSeconds }) => retryAfter(retryAfterSeconds),
    example: { retryAfterSeconds: 6 },
  },
  RIGHTS_CHANGED: {
    status: 409,
    title: 'The rights of the reader have changed',
    detail: ({ revision }) => (revision === undefined
      ? 'What this reader may see, or its credentials, changed while it was reading. Connect again with credentials that hold; a'
      : `The change ${revision} renames a tenant into or out of what this reader may see, which the feed cannot make good. A`) +
      ' local copy is to be made anew from GET /snapshot, because it may hold too much or too little.' +
      (revision === undefined ? '' : ` Who wants only the history goes on after ${revision}.`),
    example: { identity: 'ann' },
  },
  CERTIFICATE_REFUSED: {
    status: 403,
    title: 'The client certificate is not accepted',
    detail: ({ reason }) => `The certificate that came with the connection is not accepted: ${ended(reason)} Use one that an ` +
      'authority of CHANGEWELL_CLIENT_CA has signed for clients, and that is valid now; or connect without one.',
    example: { reason: 'CERT_HAS_EXPIRED' },
  },
  PEER_CERTIFICATE: {
    status: 403,
    title: 'The certificate of the node belongs to another',
    detail: ({ reason }) => `The node is not let in: ${ended(reason)} Give it a certificate of its own (changewell certs peer), or ` +
      'set CHANGEWELL_PEER_TLS_IDENTITY to any on all nodes.',
    example: { reason: 'its certificate is not for the host node-2.example' },
  },

  ROUTE_NOT_FOUND: {
    status: 404,
    title: 'There is nothing at this path',
    detail: ({ method, path }) => `There is no ${method} ${path}. /documentation shows all paths; a slash in a name is ` +
      'written %2F.',
    example: { method: 'GET', path: '/chagnes' },
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'The path does not take this method',
    detail: ({ method, path, allow }) => `${path} does not take ${method}; it takes ${allow}.`,
    headers: ({ allow }) => ({ allow }),
    example: { method: 'PATCH', path: '/changes', allow: 'GET, HEAD, POST' },
  },
  TENANT_NOT_FOUND: {
    status: 404,
    title: 'There is no such tenant',
    detail: ({ tenant }) => `There is no tenant ${quoted(tenant)}. Create it with POST /tenants; a child needs its parent.`,
    example: { tenant: 'coke/deployments' },
  },
  COLLECTION_NOT_FOUND: {
    status: 404,
    title: 'There is no such collection',
    detail: ({ tenant, collection }) => `The tenant ${quoted(tenant)} has no collection ${quoted(collection)}. Create it ` +
      'with POST /tenants/{tenant}/collections.',
    example: { tenant: 'coke', collection: 'settings' },
  },
  KEY_NOT_FOUND: {
    status: 404,
    title: 'The key has no value',
    detail: ({ tenant, collection, key }) => `The key ${quoted(key)} has no value in the collection ` +
      `${quoted(collection)} of the tenant ${quoted(tenant)}. Write one with PUT.`,
    example: { tenant: 'coke', collection: 'settings', key: 'colour' },
  },
  REVISION_NOT_FOUND: {
    status: 404,
    title: 'There is no such revision',
    detail: ({ revision, lastRevision }) => `There is no revision ${revision}; the newest on this node is ` +
      `${lastRevision}. Wait for it with GET /changes?since=${lastRevision}&block=30.`,
    example: { revision: 12, lastRevision: 9 },
  },
  REVISION_AHEAD: {
    status: 409,
    title: 'The reader is ahead of this node',
    detail: ({ since, revision }) => `Changes after revision ${since} are asked for, but this node is at ${revision}. ` +
      'Either it is behind the node that was read before (try again, or read there), or the reader followed another ' +
      'database (start again from GET /snapshot).',
    example: { since: 120, revision: 97 },
  },
  HISTORY_GONE: {
    status: 410,
    title: 'The history that is asked for is gone',
    detail: ({ firstRevision }) => `The history begins at revision ${firstRevision}; what came before is no longer ` +
      'kept. Take GET /snapshot and go on from its revision.',
    headers: () => ({ link: '</snapshot>; rel="alternate"' }),
    example: { firstRevision: 5000 },
  },

  TENANT_EXISTS: {
    status: 409,
    title: 'The tenant exists already',
    detail: ({ tenant }) => `There is a tenant ${quoted(tenant)} already. Choose another name, or use the one that is there.`,
    example: { tenant: 'coke' },
  },
  TENANT_NOT_EMPTY: {
    status: 409,
    title: 'The tenant is not empty',
    detail: ({ tenant, tenants, collections }) => `The tenant ${quoted(tenant)} holds ` +
      `${tenants === undefined ? 'tenants or collections' : `tenants (${tenants}) and collections (${collections})`}. ` +
      'Delete them first, or all together with recursive=true.',
    example: { tenant: 'coke', tenants: 1, collections: 2 },
  },
  TENANT_NAME_TOO_LONG: {
    status: 409,
    title: 'A rename would make a name too long',
    detail: ({ tenant, bytes, limitBytes }) => `The name of ${tenant === undefined
      ? 'a tenant below it would have too many'
      : `the tenant ${quoted(tenant)} would have ${bytes}`} bytes of UTF-8, and names may have ${limitBytes}. Choose a shorter one.`,
    example: { tenant: 'coke/deployments', bytes: 513, limitBytes: 512 },
  },
  TENANT_RENAMED: {
    status: 409,
    title: 'The tenant was renamed, or made, while the write waited',
    detail: ({ tenant }) => `The tenant ${quoted(tenant)} has another name than when this write was allowed, so nothing was ` +
      'done. Send it again, as a new write.',
    example: { tenant: '7' },
  },
  TENANT_MOVED: {
    status: 409,
    title: 'A rename may not move a tenant',
    detail: ({ tenant, name }) => `The tenant ${quoted(tenant)} cannot become ${quoted(name)}: a rename keeps the parent. ` +
      'Change only what follows the last slash.',
    example: { tenant: 'coke/deployments', name: 'pepsi/deployments' },
  },
  COLLECTION_EXISTS: {
    status: 409,
    title: 'The collection exists already',
    detail: ({ tenant, collection }) => `The tenant ${quoted(tenant)} has a collection ${quoted(collection)} already. ` +
      'Choose another name, or use the one that is there.',
    example: { tenant: 'coke', collection: 'settings' },
  },
  COLLECTION_NOT_EMPTY: {
    status: 409,
    title: 'The collection is not empty',
    detail: ({ tenant, collection }) => `The collection ${quoted(collection)} of the tenant ${quoted(tenant)} holds ` +
      'keys. Delete them first, or all together with recursive=true.',
    example: { tenant: 'coke', collection: 'settings' },
  },
  PRECONDITION_FAILED: {
    status: 412,
    title: 'The key is not as the request expects it',
    detail: ({ tenant, collection, key, revision }) => `The key ${quoted(key)} in the collection ${quoted(collection)} ` +
      `of the tenant ${quoted(tenant)} ${revision === 0 ? 'has no value' : `is at revision ${revision}`}, and nothing ` +
      'was written. Read it again, and repeat the write with what it is now.',
    example: { tenant: 'coke', collection: 'settings', key: 'colour', revision: 12 },
  },

  WRITE_REJECTED: {
    status: 422,
    title: 'A validation hook has refused the write',
    detail: ({ hook, reason }) => `The validation hook ${quoted(hook)} refused the write, and nothing was done: ${ended(reason)} ` +
      'Send what the hook accepts; GET /cluster/settings has the hooks.',
    example: { hook: 'naming', reason: 'colours have names of one word' },
  },
  TOO_MANY_READERS: {
    status: 429,
    title: 'Too many readers wait on this node',
    detail: ({ setting, limit }) => `This node serves ${limit} such readers already. Try again later or on another ` +
      `node, or raise ${setting}.`,
    headers: () => retryAfter(1),
    example: { setting: 'CHANGEWELL_STREAMS_MAX', limit: 10_000 },
  },
  TOO_MUCH_UNCOMMITTED: {
    status: 503,
    title: 'Too much data waits for a quorum or for validation hooks',
    detail: ({ limitBytes }) => `Writes of about ${limitBytes} bytes wait for a quorum, or for hooks, already ` +
      '(CHANGEWELL_UNCOMMITTED_BYTES_MAX), and this one was not begun. Try again in a moment; if it lasts, see whether the ' +
      'other nodes and the validation hooks keep up.',
    headers: () => retryAfter(1),
    example: { limitBytes: 67_108_864 },
  },
  TOO_MANY_WRITES: {
    status: 503,
    title: 'Too many writes wait on this node',
    detail: ({ limit }) => `Already ${limit} writes wait (CHANGEWELL_WRITES_PENDING_MAX), and this one was not begun. ` +
      'Try again in a moment.',
    headers: () => retryAfter(1),
    example: { limit: 10_000 },
  },
  QUEUE_FULL: {
    status: 503,
    title: 'The queue of the node is full',
    detail: ({ setting, limit }) => `The queue of this node takes no more: ${setting} is ${limit}. Nothing was taken in. Try again ` +
      'later or through another node.',
    headers: () => retryAfter(1),
    example: { setting: 'CHANGEWELL_QUEUE_WRITES_MAX', limit: 10_000 },
  },
  TOO_MANY_WAITERS: {
    status: 503,
    title: 'Too many writes wait for locks',
    detail: ({ limit }) => `Already ${limit} writes wait for what others are writing to (CHANGEWELL_LOCK_WAITERS_MAX), and this one ` +
      'was not begun. Try again in a moment; GET /locks shows what they wait for.',
    headers: () => retryAfter(1),
    example: { limit: 10_000 },
  },
  LOCK_TIMEOUT: {
    status: 503,
    title: 'What the write is about is in use',
    detail: ({ waitSeconds }) => `Other writes to the same key, collection or tenant were not done within ${waitSeconds} seconds ` +
      '(CHANGEWELL_LOCK_WAIT_SECONDS), and this one was not begun. Try again in a moment; GET /locks shows who is in the way.',
    headers: () => retryAfter(1),
    example: { waitSeconds: 5 },
  },
  HOOK_FAILED: {
    status: 503,
    title: 'A validation hook does not answer',
    detail: ({ hook, reason }) => `The validation hook ${quoted(hook)} has to pass the write and did not answer: ${ended(reason)} ` +
      'Nothing was done. Try again in a moment; whoever looks after the cluster can mend the hook or its settings.',
    headers: () => retryAfter(1),
    example: { hook: 'naming', reason: 'it did not answer within 2000 ms' },
  },
  WRITE_TIMEOUT: {
    status: 504,
    title: 'The outcome of the write is not known yet',
    detail: ({ timeoutSeconds, receipt }) => `The write was not confirmed within ${timeoutSeconds} seconds; it may still happen. ` +
      `${askFor(receipt)}`,
    headers: ({ receipt }) => ({ ...retryAfter(1), ...locationOf(receipt) }),
    example: { timeoutSeconds: 10, receipt: exampleReceipt },
  },
  WRITE_EXPIRED: {
    status: 503,
    title: 'The write came too late',
    detail: ({ deadline }) => `The write was to be decided by ${deadline} and was not, so it was not made and never will be. ` +
      'Send it again as a new write, if it is still wanted.',
    headers: () => retryAfter(1),
    example: { deadline: '2026-11-23T21:12:16.364Z' },
  },
  OUTCOME_UNKNOWN: {
    status: 504,
    title: 'The outcome of the write cannot be told',
    detail: ({ reason, receipt }) => `The write was accepted, and then this node could not finish it: ${ended(reason)} It may ` +
      `still happen. ${askFor(receipt)}`,
    headers: ({ receipt }) => ({ ...retryAfter(10), ...locationOf(receipt) }),
    example: { reason: 'the database cannot be written (no space left on the device)', receipt: exampleReceipt },
  },
  RECEIPT_NOT_FOUND: {
    status: 404,
    title: 'There is no such receipt',
    detail: ({ reason }) => `This is no receipt of this cluster: ${ended(reason)} Send the one that the answer to the write had, whole.`,
    example: { reason: 'its check digits are wrong' },
  },
  RECEIPT_GONE: {
    status: 410,
    title: 'The outcome is no longer kept',
    detail: ({ keptUntil }) => `What became of the write was kept until ${keptUntil} (CHANGEWELL_RECEIPT_SECONDS), and is forgotten. ` +
      'Look for what it wrote before you repeat it.',
    example: { keptUntil: '2026-11-23T22:12:16.364Z' },
  },
  DISK_FULL: {
    status: 503,
    title: 'The disk of the node is nearly full',
    detail: ({ freeBytes, neededBytes }) => `The data folder's disk has ${freeBytes} bytes left, and this node keeps ` +
      `${neededBytes} free (CHANGEWELL_DISK_FREE_BYTES_MIN). Nothing was written; reads go on. Writes go on by ` +
      'themselves when there is room again.',
    headers: () => retryAfter(10),
    example: { freeBytes: 104857600, neededBytes: 268435456 },
  },
  MEMBER_NOT_FOUND: {
    status: 404,
    title: 'There is no such member',
    detail: ({ id }) => `The cluster has no node ${id}. GET /cluster/members lists those that it has.`,
    example: { id: '7f3b2c4d5e6f7081' },
  },
  NODE_REMOVED: {
    status: 410,
    title: 'The node was removed',
    detail: ({ id }) => `Node ${id} was told to leave the cluster, and ids are not used again. To use the machine again ` +
      'start a node there with an empty data folder: it gets a new id.',
    example: { id: '7f3b2c4d5e6f7081' },
  },
  LAST_VOTER: {
    status: 409,
    title: 'The node is the last voter',
    detail: ({ id }) => `Without node ${id} nobody could decide: no other voter would be left. Add another voter first.`,
    example: { id: '7f3b2c4d5e6f7081' },
  },
  NO_LEADER: {
    status: 503,
    title: 'The cluster has no leader',
    detail: ({ reason }) => `Nothing was done, because ${ended(reason)} Try again in a moment; reads with ` +
      'consistency=local, and the feeds, are answered meanwhile.',
    headers: () => retryAfter(1),
    example: { reason: 'no leader can be elected: 1 of 3 voters can be reached, and 2 are needed' },
  },
  NO_SUCCESSOR: {
    status: 409,
    title: 'Nobody took leadership over',
    detail: ({ reason }) => `The leader stays, because ${ended(reason)} GET /cluster/members shows the voters, and how far each ` +
      'one is behind.',
    example: { reason: 'there is no other voter' },
  },
  NODE_LOST_DATA: {
    status: 409,
    title: 'The node has lost its data',
    detail: ({ id }) => `Node ${id} is a member that has held data, and it comes back with none. Under this id it could ` +
      'break what it promised: it must join under a new id (remove its data folder), and the old one be removed.',
    example: { id: '7f3b2c4d5e6f7081' },
  },
  ADDRESS_UNREACHABLE: {
    status: 422,
    title: 'The node is not where it says',
    detail: ({ id, address, by, reason }) => `Node ${id} says that others reach it at ${address}, and node ${by} does not: ` +
      `${ended(reason)} Set CHANGEWELL_ADVERTISE on it to where the members reach it, such as 10.0.0.7:9001 (behind NAT and in ` +
      'a container that is the published port of the host), and CHANGEWELL_PEER_HOST to an address that is not the loopback.',
    example: { id: '7f3b2c4d5e6f7081', address: '172.17.0.2:9001', by: '0a1b2c3d4e5f6071', reason: 'connect ECONNREFUSED 172.17.0.2:9001' },
  },
  WRONG_CLUSTER: {
    status: 409,
    title: 'The node belongs to another cluster',
    detail: ({ wanted, clusterId }) => `This is cluster ${clusterId}, and the node that asks is to join ${wanted}. Have it ask ` +
      'members of that one: CHANGEWELL_JOIN, or what its discovery provider finds, leads to others.',
    example: { wanted: '9f86d081884c7d65', clusterId: '60303ae22b998861' },
  },
  REVISION_TIMEOUT: {
    status: 504,
    title: 'The node is behind the wanted revision',
    detail: ({ wanted, revision, timeoutSeconds }) => `This node has reached revision ${revision} and did not reach ` +
      `${wanted} (Changewell-Min-Revision) within ${timeoutSeconds} s. Try again, or ask another node.`,
    headers: () => retryAfter(1),
    example: { wanted: 1234, revision: 1200, timeoutSeconds: 10 },
  },
  OVERLOADED: {
    status: 503,
    title: 'The node is overloaded',
    detail: ({ delayMs, limitMs }) => `The node lags by ${delayMs} ms, more than the ${limitMs} ms that ` +
      'CHANGEWELL_EVENT_LOOP_DELAY_MS_MAX allows. Try again in a moment or on another node.',
    headers: () => retryAfter(1),
    example: { delayMs: 812, limitMs: 500 },
  },
  DRAINING: {
    status: 503,
    title: 'The node is going out of service',
    detail: ({ reason }) => `This node is going out of service: ${ended(reason)} Use another node.`,
    headers: () => retryAfter(5),
    example: { reason: 'the node is stopping' },
  },
  NOT_READY: {
    status: 503,
    title: 'The node is not ready',
    detail: ({ reason }) => `This node cannot serve now: ${ended(reason)} Try again in a moment or on another node.`,
    headers: () => retryAfter(1),
    example: { reason: 'the database is being recovered' },
  },
  STORAGE_FAILED: {
    status: 503,
    title: 'The storage of the node failed',
    detail: ({ reason }) => `The storage of this node failed: ${ended(reason)} Its operator must look at the disk and ` +
      'the log; until then use another node.',
    headers: () => retryAfter(10),
    example: { reason: 'no space left on the device' },
  },
  INTERNAL: {
    status: 500,
    title: 'The node made a mistake',
    detail: ({ requestId }) => 'Something went wrong that was not foreseen. The log of the node has it under the ' +
      `request ${requestId}; please report it.`,
    example: { requestId: 'req-1' },
  },
}
