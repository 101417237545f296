import { randomUUID } from 'node:crypto'
import { Failure } from './failure.ts'

/** Any object of the API, as far as the stand-in looks at it. */
export interface Thing {
  apiVersion?: string
  kind?: string
  metadata: {
    name: string
    namespace?: string
    uid: string
    resourceVersion: string
    creationTimestamp: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
    deletionTimestamp?: string
    deletionGracePeriodSeconds?: number
  }
  [field: string]: unknown
}

export interface Kind {
  group: string
  version: string
  resource: string
  kind: string
}

export const kinds: readonly Kind[] = [
  { group: '', version: 'v1', resource: 'namespaces', kind: 'Namespace' },
  { group: '', version: 'v1', resource: 'pods', kind: 'Pod' },
  { group: '', version: 'v1', resource: 'secrets', kind: 'Secret' },
  { group: '', version: 'v1', resource: 'serviceaccounts', kind: 'ServiceAccount' },
  { group: 'coordination.k8s.io', version: 'v1', resource: 'leases', kind: 'Lease' },
  { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'roles', kind: 'Role' },
  { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'rolebindings', kind: 'RoleBinding' },
]

/** What happened to an object: what it was before and is now. */
export interface Happening {
  version: number
  kind: Kind
  before: Thing | null
  after: Thing | null
}

/** The objects, each change under a resource version of its own, and what happened lately. */
export class Objects {
  readonly #things = new Map<string, Thing>()
  readonly #listeners = new Set<(happening: Happening) => void>()
  #happenings: Happening[] = []
  /** Versions up to this one are no longer told one by one. */
  #forgotten = 0
  #version = 100

  get version (): number {
    return this.#version
  }

  get forgotten (): number {
    return this.#forgotten
  }

  /** As a server does that starts again: it knows what is, and no longer what happened. */
  forget (): void {
    this.#forgotten = this.#version
    this.#happenings = []
    this.#listeners.clear()
  }

  since (version: number): readonly Happening[] {
    return this.#happenings.filter((happening) => happening.version > version)
  }

  listen (listener: (happening: Happening) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  find (kind: Kind, namespace: string, name: string): Thing | undefined {
    return this.#things.get(keyOf(kind, namespace, name))
  }

  /** @throws Failure with 404 */
  get (kind: Kind, namespace: string, name: string): Thing {
    const found = this.find(kind, namespace, name)
    if (found === undefined) throw new Failure(404, 'NotFound', `${kind.resource} "${name}" not found`)
    return found
  }

  list (kind: Kind, namespace: string): Thing[] {
    const prefix = keyOf(kind, namespace, '')
    return [...this.#things].filter(([key]) => key.startsWith(prefix)).map(([, thing]) => thing)
  }

  create (kind: Kind, namespace: string, body: Thing): Thing {
    const { name } = body.metadata
    const key = keyOf(kind, namespace, name)
    if (this.#things.has(key)) throw new Failure(409, 'AlreadyExists', `${kind.resource} "${name}" already exists`)
    const metadata = {
      ...body.metadata, ...(namespace === '' ? {} : { namespace }), uid: randomUUID(), resourceVersion: '', creationTimestamp: now(),
    }
    return this.#put(kind, key, null, { ...body, metadata })
  }

  /** Keeps what no caller may change. */
  replace (kind: Kind, before: Thing, body: Thing): Thing {
    const { name, namespace = '', uid, creationTimestamp } = before.metadata
    const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = before.metadata
    const metadata = {
      ...body.metadata,
      ...(namespace === '' ? {} : { namespace }),
      name,
      uid,
      creationTimestamp,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp, deletionGracePeriodSeconds }),
    }
    return this.#put(kind, keyOf(kind, namespace, name), before, { ...body, metadata })
  }

  /** A pod that runs on a machine is marked, and goes when its kubelet deletes it without grace. */
  remove (kind: Kind, thing: Thing, graceSeconds: number): Thing {
    const { name, namespace = '', deletionTimestamp } = thing.metadata
    if (graceSeconds > 0) {
      if (deletionTimestamp !== undefined) return thing
      const metadata = { ...thing.metadata, deletionTimestamp: now(), deletionGracePeriodSeconds: graceSeconds }
      return this.#put(kind, keyOf(kind, namespace, name), thing, { ...thing, metadata })
    }
    this.#things.delete(keyOf(kind, namespace, name))
    const metadata = { ...thing.metadata, resourceVersion: String(++this.#version) }
    this.#tell({ version: this.#version, kind, before: { ...thing, metadata }, after: null })
    return thing
  }

  #put (kind: Kind, key: string, before: Thing | null, thing: Thing): Thing {
    const after = { ...thing, metadata: { ...thing.metadata, resourceVersion: String(++this.#version) } }
    this.#things.set(key, after)
    this.#tell({ version: this.#version, kind, before, after })
    return after
  }

  #tell (happening: Happening): void {
    this.#happenings.push(happening)
    for (const listener of this.#listeners) listener(happening)
  }
}

function keyOf ({ group, resource }: Kind, namespace: string, name: string): string {
  return `${group}/${resource}/${namespace}/${name}`
}

/** The API's times have whole seconds. */
function now (): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
