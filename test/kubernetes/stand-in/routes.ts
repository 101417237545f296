import { Failure } from './failure.ts'
import { kinds, type Kind, type Objects, type Thing } from './objects.ts'
import { mergePatch } from './merge-patch.ts'

/** What a path of the API names. */
export interface Target {
  kind: Kind
  namespace: string
  name: string | null
  subresource: string | null
}

// The group and version, the namespace, the resource, the name, the subresource.
const form = new RegExp('^/(?:api/(v1)|apis/([a-z0-9.]+)/(v1))(?:/namespaces/([^/]+))?' +
  '/([a-z]+)(?:/([^/]+)(?:/([a-z]+))?)?$')

/** /api/v1/namespaces/a/pods/b/status, /apis/GROUP/v1/namespaces/a/leases, /api/v1/namespaces. */
export function targetOf (path: string): Target {
  const match = form.exec(path)
  if (match !== null) {
    const [, core, group = '', version, namespace = '', resource, name = null, subresource = null] = match
    const kind = kinds.find((one) => (
      one.group === group && one.version === (core ?? version) && one.resource === resource))
    const isNamespaced = kind?.resource !== 'namespaces'
    if (kind !== undefined && isNamespaced === (namespace !== '')) return { kind, namespace, name, subresource }
  }
  throw new Failure(404, 'NotFound', 'the server could not find the requested resource')
}

/** The bodies that a method takes, and what it does with other ones. */
export function bodyOf (method: string, contentType: string | undefined, text: string): unknown {
  const type = contentType?.split(';')[0]!.trim()
  const allowed = method === 'PATCH'
    ? ['application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/json-patch+json']
    : ['application/json']
  if (type === undefined || !allowed.includes(type)) {
    throw new Failure(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${allowed.join(', ')}`)
  }
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    throw new Failure(400, 'BadRequest', (error as Error).message)
  }
  const isList = Array.isArray(body)
  if (isList !== (type === 'application/json-patch+json')) {
    throw new Failure(400, 'BadRequest', `json: cannot unmarshal ${isList ? 'array' : 'object'} into Go value`)
  }
  if (isList) throw new Failure(501, 'NotImplemented', 'the stand-in knows no JSON patches')
  return body
}

/** A new object as its caller gives it. */
export function created (objects: Objects, { kind, namespace }: Target, body: unknown): Thing {
  const thing = body as Thing
  assertKind(kind, thing)
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(thing.metadata?.name ?? '')) {
    throw new Failure(422, 'Invalid', `${kind.kind} is invalid: metadata.name: Required value`)
  }
  assertPlace(namespace, thing)
  if (kind.resource !== 'namespaces' && objects.find(kindNamed('namespaces'), '', namespace) === undefined) {
    throw new Failure(404, 'NotFound', `namespaces "${namespace}" not found`)
  }
  if (kind.resource !== 'pods') return objects.create(kind, namespace, thing)
  if ((thing.spec as { containers?: unknown[] } | undefined)?.containers?.length === undefined) {
    throw new Failure(422, 'Invalid', 'Pod is invalid: spec.containers: Required value')
  }
  return objects.create(kind, namespace, { ...thing, status: { phase: 'Pending' } })
}

export function replaced (objects: Objects, { kind, namespace, name }: Target, body: unknown): Thing {
  const before = objects.get(kind, namespace, name!)
  const thing = body as Thing
  assertKind(kind, thing)
  assertPlace(namespace, thing)
  if (thing.metadata.name !== name) throw new Failure(400, 'BadRequest', 'the name of the object does not match the name on the URL')
  assertUid(before, thing.metadata.uid)
  const { resourceVersion } = thing.metadata
  if (kind.resource === 'leases' && resourceVersion === undefined) {
    throw new Failure(422, 'Invalid', 'metadata.resourceVersion: Invalid value: 0x0: must be specified for an update')
  }
  assertVersion(kind, before, resourceVersion)
  return objects.replace(kind, before, thing)
}

export function patched (objects: Objects, { kind, namespace, name, subresource }: Target, body: unknown): Thing {
  const before = objects.get(kind, namespace, name!)
  const patch = body as Thing
  assertUid(before, patch.metadata?.uid)
  assertVersion(kind, before, patch.metadata?.resourceVersion)
  const merged = mergePatch(before, patch) as Thing
  if (subresource === 'status') return objects.replace(kind, before, { ...before, status: merged.status })
  // A pod's status has its own path, and most of its specification stays as it began.
  if (kind.resource === 'pods' && JSON.stringify(merged.spec) !== JSON.stringify(before.spec)) {
    throw new Failure(422, 'Invalid', 'Pod is invalid: spec: Forbidden: pod updates may not change fields other than a few')
  }
  return objects.replace(kind, before, { ...merged, status: before.status })
}

export function removed (objects: Objects, { kind, namespace, name }: Target, graceSeconds: number | undefined): Thing {
  const thing = objects.get(kind, namespace, name!)
  const { nodeName } = (thing.spec ?? {}) as { nodeName?: string }
  const isRunning = kind.resource === 'pods' && nodeName !== undefined
  return objects.remove(kind, thing, isRunning ? graceSeconds ?? 30 : 0)
}

function assertKind ({ group, version, kind }: Kind, thing: Thing): void {
  const apiVersion = group === '' ? version : `${group}/${version}`
  if ((thing.kind ?? kind) === kind && (thing.apiVersion ?? apiVersion) === apiVersion) return
  throw new Failure(400, 'BadRequest', `${thing.apiVersion} ${thing.kind} in version does not match the expected ${apiVersion} ${kind}`)
}

function assertPlace (namespace: string, thing: Thing): void {
  if (namespace === '' || (thing.metadata?.namespace ?? namespace) === namespace) return
  throw new Failure(400, 'BadRequest', 'the namespace of the provided object does not match the namespace sent on the request')
}

function assertUid (before: Thing, uid: string | undefined): void {
  if (uid === undefined || uid === before.metadata.uid) return
  throw new Failure(409, 'Conflict', `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`)
}

function assertVersion ({ resource }: Kind, before: Thing, version: string | undefined): void {
  if (version === undefined || version === before.metadata.resourceVersion) return
  throw new Failure(409, 'Conflict', `Operation cannot be fulfilled on ${resource} "${before.metadata.name}": the object has been modified; ` +
    'please apply your changes to the latest version and try again')
}

function kindNamed (resource: string): Kind {
  return kinds.find((kind) => kind.resource === resource)!
}
