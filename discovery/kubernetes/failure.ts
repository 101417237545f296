import { DiscoveryError, type DiscoveryErrorCode } from '../provider.ts'

/** One right in a Role. The core group is the empty text. */
export interface Right {
  group: '' | 'coordination.k8s.io'
  resource: 'pods' | 'leases'
  verb: 'get' | 'list' | 'watch' | 'patch' | 'create' | 'update'
}

/** Why the API server did not do what it was asked, with what tells how to go on. */
export class KubernetesError extends DiscoveryError {
  /** Of the answer; null where there was none. */
  readonly status: number | null
  /** How long the server asks to be left alone; null where it does not say. */
  readonly retryAfterMs: number | null

  constructor (
    code: DiscoveryErrorCode, message: string, status: number | null, retryAfterMs: number | null,
    options?: ErrorOptions
  ) {
    super(code, message, options)
    this.name = 'KubernetesError'
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** Retry-After comes in seconds here; what is longer than a minute is asked for again after one. */
const retryAfterMsMax = 60_000

/** Whatever the client threw, as an error that says what to do. `what` is a clause: `list pods in the namespace a`. */
export function failureOf (error: unknown, what: string, right: Right, server: string): KubernetesError {
  const status = statusOf(error)
  const reason = reasonOf(error)
  const options = { cause: error }
  if (status === 403) {
    return new KubernetesError('DISCOVERY_REFUSED', `The API server forbids this pod to ${what}: ${reason} The Role of its ` +
      `service account lacks this rule: ${ruleOf(right)}`, status, null, options)
  }
  if (status === 401) {
    return new KubernetesError('DISCOVERY_REFUSED', 'The API server does not take this pod\'s token, though it was read anew, ' +
      `so it could not ${what}: ${reason}`, status, null, options)
  }
  const path = fileOf(error)
  if (path !== null) {
    return new KubernetesError('DISCOVERY_UNAVAILABLE', `The API server was not asked to ${what}, for the file ${path} cannot be ` +
      `read (${(error as NodeJS.ErrnoException).code}). Let the pod have its service account's token (automountServiceAccountToken), or set ` +
      'CHANGEWELL_KUBERNETES_SERVICE_ACCOUNT_DIR to the folder that has it.', null, null, options)
  }
  if (status === null) {
    return new KubernetesError('DISCOVERY_UNAVAILABLE',
      `The API server at ${server} gave no answer when asked to ${what}: ${reason}`, null, null, options)
  }
  return new KubernetesError('DISCOVERY_UNAVAILABLE',
    `The API server answered ${status} when asked to ${what}: ${reason}`, status, retryAfterOf(error), options)
}

/** A rule as it stands in a Role: `apiGroups: [""], resources: ["pods"], verbs: ["list"]`. */
export function ruleOf ({ group, resource, verb }: Right): string {
  return `apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]`
}

/** Client-node calls it `code` in calls, and `statusCode` in watches; a network error has a text in `code`. */
export function statusOf (error: unknown): number | null {
  const { code, statusCode } = error as { code?: unknown, statusCode?: unknown }
  for (const status of [code, statusCode]) if (typeof status === 'number') return status
  return null
}

/** The file of the service account that could not be opened; null where it was something else. */
function fileOf (error: unknown): string | null {
  const { syscall, path } = error as NodeJS.ErrnoException
  return syscall === 'open' && path !== undefined ? path : null
}

/** The server's own sentence, which is in the Status object that it answers with. */
function reasonOf (error: unknown): string {
  const { body, message, name } = error as { body?: unknown, message?: string, name?: string }
  if (name === 'TimeoutError' || name === 'AbortError') return 'it took too long'
  const status = typeof body === 'string' ? parsed(body) : body
  const sentence = (status as { message?: unknown } | null | undefined)?.message
  if (typeof sentence === 'string' && sentence !== '') return sentence.endsWith('.') ? sentence : `${sentence}.`
  const text = message ?? String(error)
  // Errors of the client hold the whole answer, headers and all.
  return /^HTTP-Code: \d+\nMessage: (.*)$/m.exec(text)?.[1] ?? text.split('\n')[0]!
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

function retryAfterOf (error: unknown): number | null {
  const { headers } = error as { headers?: Record<string, string> }
  const text = headers?.['retry-after']
  if (text === undefined || !/^\d{1,6}$/.test(text)) return null
  return Math.min(Number(text) * 1000, retryAfterMsMax)
}
