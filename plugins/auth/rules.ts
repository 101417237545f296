import type { RouteOptions } from 'fastify'
import type { Role } from './rights.ts'

/**
 * What a route asks of whoever calls it, in the route's `config`:
 *
 * - `open`: nothing; `any`: a role, whatever it is about; `admin`, `metrics`: that role;
 * - `read`, `write`: that role on tenants, with `tenant` beside it, which says how they are known. `path`: the
 *   parameter `tenant` names it. `seen`: the route refuses what is named and may not be seen, and leaves the rest out
 *   of its answer. `each`: what is written names it, and `app.write` looks at each.
 */
export type RouteRule =
  { role: 'open' | 'any' | 'admin' | 'metrics', tenant?: undefined } |
  { role: 'read', tenant: 'path' | 'seen' } |
  { role: 'write', tenant: 'path' | 'each' }

export type RouteRole = RouteRule['role']

/** A route with its rule. */
export type RuledRoute = { method: string, url: string } & RouteRule

declare module 'fastify' {
  interface FastifyContextConfig {
    role?: RouteRole
    tenant?: RouteRule['tenant']
  }
}

const places: Record<RouteRole, readonly (string | undefined)[]> = {
  open: [undefined],
  any: [undefined],
  admin: [undefined],
  metrics: [undefined],
  read: ['path', 'seen'],
  write: ['path', 'each'],
}

/**
 * The rule of a route that is being added.
 *
 * @throws {Error} when it has none, or half of one: nobody must be able to forget it.
 */
export function ruleOf ({ method, url, config }: RouteOptions): RuledRoute {
  const { role, tenant } = config ?? {}
  const allowed = role === undefined ? undefined : places[role]
  if (allowed?.includes(tenant) !== true) {
    throw new Error(`the route ${String(method)} ${url} does not say who may call it: give its config a role ` +
      `(${Object.keys(places).join(', ')}), and read and write a tenant ('path', 'seen' or 'each'); see plugins/auth/rules.ts`)
  }
  if (tenant === 'path' && !url.includes('/:tenant')) throw new Error(`the route ${String(method)} ${url} has no :tenant in its path`)
  return { method: String(method), url, role, tenant } as RuledRoute
}

/** The role that a caller must have somewhere before a route looks at what it names. */
export function isData (role: RouteRole): role is Extract<Role, 'read' | 'write'> {
  return role === 'read' || role === 'write'
}
