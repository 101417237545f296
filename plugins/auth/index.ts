import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../storage/problem.ts'
import { Caller, unlimited, type Access, type Surroundings } from './access.ts'
import { Authenticator } from './authenticator.ts'
import { certificatesAreAsked } from './certificate.ts'
import { AuthFiles } from './files.ts'
import { authMetrics, type DeniedCounts } from './metrics.ts'
import { ruleOf, type RouteRule, type RuledRoute } from './rules.ts'

declare module 'fastify' {
  interface FastifyInstance {
    access: AccessControl
  }
  interface FastifyRequest {
    /** What the sender may do; null on routes that are open, and on a node that asks for no credentials. */
    caller: Caller | null
  }
}

export interface AccessControl {
  /** Whether the node asks for credentials. Without it nothing is looked at. */
  isOn: boolean
  /** Every route with its rule. */
  routes: readonly RuledRoute[]
  /** What the sender of a request may do. */
  of: (request: FastifyRequest) => Access
  /**
   * Looks again whether a request that has waited may go on.
   *
   * @throws Problem FORBIDDEN, UNAUTHENTICATED
   */
  again: (request: FastifyRequest) => void
  /** Calls back when credentials or rights have changed, until the function that it returns is called. */
  listen: (changed: () => void) => () => void
  /** Reads passwords, tokens and policy again. */
  reload: () => Promise<void>
}

/** Who may do what. It must be registered before the routes that it is to guard, and refuses those without a rule. */
async function auth (app: FastifyInstance): Promise<void> {
  const { config } = app
  const routes: RuledRoute[] = []
  const listeners = new Set<() => void>()
  const denied: DeniedCounts = { UNAUTHENTICATED: 0, FORBIDDEN: 0, TOO_MANY_ATTEMPTS: 0 }
  const files = new AuthFiles(config, app.log, () => { for (const changed of listeners) changed() })
  const isOn = files.isNamed
  app.addHook('onRoute', (route) => { routes.push(ruleOf(route)) })
  app.addHook('onReady', async () => authMetrics(app.metrics.registry, denied, files.counts))
  app.decorateRequest('caller', null)
  app.decorate('access', {
    isOn,
    routes,
    of (request) {
      if (!isOn) return unlimited
      if (request.caller === null) throw new Error('an open route asks what its caller may do')
      return request.caller
    },
    again ({ caller, routeOptions: { config }, params }) {
      caller?.enter(config as RouteRule, params)
    },
    listen (changed) {
      listeners.add(changed)
      return () => { listeners.delete(changed) }
    },
    reload: () => files.reload(),
  })
  if (!isOn) {
    sayOpen(app)
    return
  }
  await files.open(certificatesAreAsked(app))
  app.addHook('onClose', () => files.close())
  const { passwords, tokens, policy } = files
  const authenticator = new Authenticator({
    hashes: passwords.isNamed ? () => passwords.value : null,
    tokens: tokens.isNamed ? () => tokens.value : null,
    failuresMax: config.authFailuresMax,
  })
  const count = ({ code }: Problem): void => { if (code in denied) denied[code as keyof DeniedCounts]++ }
  guard(app, authenticator, {
    database: () => app.database,
    rightsOf: (identity) => policy.value.rightsOf(identity),
    schemes: authenticator.schemes,
    onDenied: count,
  })
  const named = [passwords, tokens, policy].filter(({ isNamed }) => isNamed).map(({ holds, path }) => `${holds} (${path})`)
  app.log.info(`who may do what is decided by ${named.join(', ')}${policy.isNamed ? '' : '; whoever has credentials may do everything'}`)
}

/** Looks at each request before anything of its body is read. */
function guard (app: FastifyInstance, authenticator: Authenticator, around: Surroundings): void {
  app.addHook('onRequest', (request, _reply, next) => {
    const { config } = request.routeOptions
    // Where there is no route there is nothing to guard.
    if (request.is404 || config.role === 'open') return next()
    try {
      const identified = authenticator.identify(request)
      if (!(identified instanceof Promise)) {
        enter(new Caller(identified, around))
        return next()
      }
      identified.then((found) => enter(new Caller(found, around))).then(() => next(), refuse)
    } catch (error) {
      refuse(error)
    }

    function enter (caller: Caller): void {
      if (caller.identity !== null) request.log = request.log.child({ identity: caller.identity })
      request.caller = caller
      caller.enter(config as RouteRule, request.params)
    }

    function refuse (error: unknown): void {
      // What the caller lacks is counted where it is found.
      if (error instanceof Problem && request.caller === null) around.onDenied(error)
      next(error as Error)
    }
  })
  // A body can take long to come.
  app.addHook('preValidation', (request, _reply, next) => {
    try {
      if (request.body !== undefined) app.access.again(request)
      next()
    } catch (error) {
      next(error as Error)
    }
  })
}

/** A node that anybody may write to is a choice, and is told so that nobody makes it unawares. */
function sayOpen ({ config, log }: FastifyInstance): void {
  if (config.clientAuth === 'required') {
    log.info('whoever has a certificate of CHANGEWELL_CLIENT_CA may read and change everything (CHANGEWELL_AUTH_POLICY)')
    return
  }
  const hosts = [...new Set(config.httpPort === null ? [config.host] : [config.host, config.httpHost])]
  const isLocal = hosts.every((host) => ['127.0.0.1', '::1', 'localhost'].includes(host))
  log[isLocal ? 'info' : 'warn'](`no credentials are asked for: whoever reaches ${hosts.join(' or ')} may read and change ` +
    'everything (CHANGEWELL_AUTH_HTPASSWD, CHANGEWELL_AUTH_TOKENS)')
}

export default fp(auth, { name: 'auth', fastify: '5.x', dependencies: ['problems', 'tls'] })
