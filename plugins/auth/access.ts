import type { Database } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import type { Identified } from './authenticator.ts'
import { isData, type RouteRule } from './rules.ts'
import { allRights, noRights, Rights, type DataRole } from './rights.ts'
import { FeedView, type View } from './view.ts'

/** What the sender of one request may do. */
export interface Access {
  readonly identity: string | null
  /** Whether it has the role admin. */
  readonly isAdmin: boolean
  /** Whether it may see all there is, so that nothing needs to be left out. */
  readonly seesAll: boolean
  /** Whether it may write wherever it likes. */
  readonly writesAll: boolean
  /** Equal for those who may read the same. */
  readonly readMark: string
  /** Whether it may read the tenant of this name. */
  mayRead: (name: string) => boolean
  /**
   * Refuses what names a tenant, by name or id, on which the role is not had. Without a tenant it must be had on all.
   * That says nothing of whether there is such a tenant: the answer for one that there is not is the same.
   *
   * @param pointer which part of the request's body is refused
   * @throws Problem FORBIDDEN, UNAUTHENTICATED
   */
  assert: (role: DataRole, reference: string | undefined, pointer?: string) => void
  /**
   * What it may see of the feed, or of the tenant that it named; null when nothing is ever hidden from anybody.
   *
   * @param known the mark of the rights under which the reader got what it has, if it told it
   * @throws Problem RIGHTS_CHANGED when it may see something else now.
   */
  view: (tenant: number | null, known?: string) => View | null
}

/** Of whoever's credentials have been taken away. */
const nobodys = new Rights(noRights)

const everybodys = new Rights(allRights)

/** What everybody may do on a node that asks for no credentials. */
export const unlimited: Access = {
  identity: null,
  isAdmin: true,
  seesAll: true,
  writesAll: true,
  readMark: everybodys.readMark,
  mayRead: () => true,
  assert: () => {},
  view (tenant, known) {
    if (tenant === null) assertSame(null, everybodys, known)
    return null
  },
}

/** What a caller needs to know of the node. */
export interface Surroundings {
  database: () => Database
  /** The rights in force of an identity. */
  rightsOf: (identity: string | null) => Rights
  schemes: readonly string[]
  /** Counts a refusal. */
  onDenied: (problem: Problem) => void
}

/**
 * The sender of one request, on a node that asks for credentials. A request can last: its body comes, or it waits for a
 * revision. So its sender may do what credentials and policy allow by then, and not what they allowed when it came.
 */
export class Caller implements Access {
  readonly identity: string | null
  readonly #certificate: string | undefined
  readonly #isProven: () => boolean
  readonly #around: Surroundings

  constructor ({ identity, certificate, isGood }: Identified, around: Surroundings) {
    this.identity = identity
    this.#certificate = certificate
    this.#isProven = isGood
    this.#around = around
  }

  get #rights (): Rights {
    return this.#isProven() ? this.#around.rightsOf(this.identity) : nobodys
  }

  get isAdmin (): boolean {
    return this.#rights.admin
  }

  get seesAll (): boolean {
    return this.#rights.coversAll('read')
  }

  get readMark (): string {
    return this.#rights.readMark
  }

  get writesAll (): boolean {
    return this.#rights.coversAll('write')
  }

  mayRead (name: string): boolean {
    return this.#rights.covers('read', name)
  }

  /** @throws Problem when the route's rule is not met. Tenants that only the route knows are left to it. */
  enter (rule: RouteRule, params: unknown): void {
    const { role } = rule
    if (role === 'any' ? this.#rights.isNone : role !== 'open' && !this.#rights.has(role)) {
      throw this.#denied(role, rule.tenant === 'path' ? (params as { tenant: string }).tenant : null)
    }
    if (isData(role) && rule.tenant === 'path') this.assert(role, (params as { tenant: string }).tenant)
  }

  assert (role: DataRole, reference: string | undefined, pointer?: string): void {
    if (this.#rights.coversAll(role)) return
    if (reference === undefined) throw this.#denied(role, '*', pointer)
    // An id stands for whatever name its tenant has now.
    const name = this.#around.database().catalog.tenant(reference)?.name ?? reference
    if (!this.#rights.covers(role, name)) throw this.#denied(role, reference, pointer)
  }

  view (tenant: number | null, known?: string): View {
    const rights = this.#rights
    if (tenant === null) assertSame(this.identity, rights, known)
    return new FeedView({
      identity: this.identity,
      rights,
      catalog: () => this.#around.database().catalog,
      tenant,
      isGood: () => this.#isProven() && this.#rights.equals(rights),
    })
  }

  #denied (role: string, tenant: string | null, pointer?: string): Problem {
    const { schemes, onDenied } = this.#around
    const needed = role === 'any' ? 'every role' : `the role ${role}`
    const on = tenant === null ? '' : tenant === '*' ? ' on all tenants ("*")' : ` on the tenant ${JSON.stringify(tenant)}`
    const certificate = this.#certificate
    const lacks = this.identity === null ? `callers without any lack ${needed}${on}` : this.#isProven() ? null : 'they hold no longer'
    const problem = lacks !== null && schemes.length > 0
      ? new Problem('UNAUTHENTICATED', { reason: lacks, schemes: [...schemes], certificate }, { pointer: pointer || undefined })
      : new Problem('FORBIDDEN', { identity: this.identity, role, tenant, certificate }, { pointer: pointer || undefined })
    onDenied(problem)
    return problem
  }
}

function assertSame (identity: string | null, { readMark }: Rights, known: string | undefined): void {
  if (known !== undefined && known !== readMark) throw new Problem('RIGHTS_CHANGED', { identity })
}
