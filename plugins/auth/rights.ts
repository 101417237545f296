import { createHash } from 'node:crypto'

/** What a right is about: data of tenants, the cluster and its nodes, or the metrics. */
export type DataRole = 'read' | 'write'
export type Role = DataRole | 'admin' | 'metrics'

/** Rights as the policy file writes them. */
export interface Grant {
  /** Names of tenants, each with all below it; `*` for all tenants, and for changes that have none. */
  read: readonly string[]
  write: readonly string[]
  admin: boolean
  metrics: boolean
}

/** What one identity may do. Rights on tenants go by names, whether or not there is such a tenant yet. */
export class Rights {
  readonly admin: boolean
  readonly metrics: boolean
  readonly #names: Record<DataRole, ReadonlySet<string>>
  /**
   * Equal for those who may read the same: a copy, or a place in the feed, that was got under one mark is no good under
   * another.
   */
  readonly readMark: string
  /** Equal for equal rights. */
  readonly #text: string

  constructor ({ read, write, admin, metrics }: Grant) {
    this.admin = admin
    this.metrics = metrics
    this.#names = { read: new Set(read), write: new Set(write) }
    const readable = this.#names.read.has('*') ? ['*'] : [...this.#names.read].sort()
    this.readMark = createHash('sha256').update(JSON.stringify(readable)).digest('base64url').slice(0, 16)
    this.#text = JSON.stringify([[...this.#names.read].sort(), [...this.#names.write].sort(), admin, metrics])
  }

  /** Whether the role is had on all tenants, and on what belongs to none. */
  coversAll (role: DataRole): boolean {
    return this.#names[role].has('*')
  }

  /** Whether the role is had on the tenant of this name: on itself or on one above it. */
  covers (role: DataRole, name: string): boolean {
    const names = this.#names[role]
    if (names.has('*')) return true
    for (let end = name.length; end > 0; end = name.lastIndexOf('/', end - 1)) {
      if (names.has(name.slice(0, end))) return true
    }
    return false
  }

  /** The names that the role was given on. */
  names (role: DataRole): ReadonlySet<string> {
    return this.#names[role]
  }

  /** Whether the role is had on anything at all. */
  has (role: Role): boolean {
    return role === 'admin' || role === 'metrics' ? this[role] : this.#names[role].size > 0
  }

  get isNone (): boolean {
    return !this.admin && !this.metrics && !this.has('read') && !this.has('write')
  }

  equals (other: Rights): boolean {
    return this.#text === other.#text
  }
}

export const noRights: Grant = { read: [], write: [], admin: false, metrics: false }

export const allRights: Grant = { read: ['*'], write: ['*'], admin: true, metrics: true }

/** What either gives. */
export function bothOf (one: Grant, other: Grant): Grant {
  return {
    read: [...one.read, ...other.read],
    write: [...one.write, ...other.write],
    admin: one.admin || other.admin,
    metrics: one.metrics || other.metrics,
  }
}
