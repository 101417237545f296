import { randomBytes } from 'node:crypto'
import Fastify, {
  LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import auth from '../plugins/auth/index.ts'
import changes from '../plugins/changes/index.ts'
import cluster from '../plugins/cluster/index.ts'
import collections from '../plugins/collections/index.ts'
import discovery from '../plugins/discovery/index.ts'
import docs from '../plugins/docs/index.ts'
import health from '../plugins/health/index.ts'
import json from '../plugins/json/index.ts'
import keys from '../plugins/keys/index.ts'
import listeners from '../plugins/listeners/index.ts'
import locks from '../plugins/locks/index.ts'
import metrics, { metricsRoute } from '../plugins/metrics/index.ts'
import minRevision from '../plugins/min-revision/index.ts'
import problems, { clientErrorHandler, connectHandler, frameworkErrors, type Manners } from '../plugins/problems/index.ts'
import { renderProblem } from '../plugins/problems/render.ts'
import queue from '../plugins/queue/index.ts'
import raft, { assertNotEmptied } from '../plugins/raft/index.ts'
import receipts from '../plugins/receipts/index.ts'
import snapshot from '../plugins/snapshot/index.ts'
import shutdown from '../plugins/shutdown/index.ts'
import stalled from '../plugins/stalled/index.ts'
import storage from '../plugins/storage/index.ts'
import tenants from '../plugins/tenants/index.ts'
import tls, { Response, Tls } from '../plugins/tls/index.ts'
import trace, { identify } from '../plugins/trace/index.ts'
import transactions from '../plugins/transactions/index.ts'
import validation from '../plugins/validation/index.ts'
import webhooks from '../plugins/webhooks/index.ts'
import writes from '../plugins/writes/index.ts'
import type { Config } from './config.ts'
import { explainedErrors } from './errors-page.ts'
import { errors } from './errors.ts'
import { version } from './version.ts'

/** The whole node as a Fastify instance: it opens the data folder, but does not listen and knows no process. */
export async function buildServer (config: Config, logger: FastifyBaseLogger): Promise<FastifyInstance> {
  const nextId = requestIds()
  const manners: Manners = {
    headersOf: ({ database }) => ({ 'x-request-id': nextId(), 'changewell-revision': String(database.revision) }),
    answered: (instance, method, status) => instance.metrics.countStray(method, status),
  }
  const answerClientError = clientErrorHandler(errors, manners)
  const security = await Tls.open(config, logger)
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.bodyBytesMax,
    requestTimeout: config.requestTimeoutSeconds * 1000,
    ...listenerOptions(config, security),
    return503OnClosing: false,
    routerOptions: { maxParamLength: 16 * 1024, caseSensitive: true },
    genReqId: nextId,
    // Opening a node takes as long as there is to recover: minutes, after a loss of power.
    pluginTimeout: 0,
    frameworkErrors: frameworkErrors(errors, greet),
    clientErrorHandler: answerClientError,
  }) as unknown as FastifyInstance
  const answerConnect = connectHandler(errors, app, manners)
  app.server.on('connect', answerConnect)
  app.decorate('config', config)
  app.server.maxConnections = config.connectionsMax
  // Node would leave out those after the thousandth without a word, a condition perhaps. The head's size is the limit.
  app.server.maxHeadersCount = 0
  // Fastify sets no times on a server of HTTP/2, which has connections of HTTP/1.1 as well.
  const requestTimeout = config.requestTimeoutSeconds * 1000
  Object.assign(app.server, {
    requestTimeout,
    // Of the two times Node takes the longer one for the whole request, and this one is a minute unless it is set.
    headersTimeout: requestTimeout,
    keepAliveTimeout: app.initialConfig.keepAliveTimeout,
    connectionsCheckingInterval: checkingMs(config),
  })
  try {
    await registerPlugins(app, config, security)
    await app.register(listeners, {
      connectionsCheckingInterval: checkingMs(config),
      clientErrorHandler: answerClientError,
      connectHandler: answerConnect,
    })
  } catch (error) {
    // What was opened before the failure is let go of, so that the data folder is free for another attempt.
    await app.close()
    throw error
  }
  return app
}

async function registerPlugins (app: FastifyInstance, config: Config, security: Tls): Promise<void> {
  await app.register(trace)
  await app.register(shutdown)
  await app.register(stalled)
  await app.register(problems, { errors })
  await app.register(tls, { tls: security })
  await app.register(validation)
  await app.register(json, { depthMax: config.jsonDepthMax })
  await app.register(auth)
  await app.register(metrics)
  await app.register(docs, { version, errors: explainedErrors() })
  await app.register(metricsRoute)
  await app.register(health, {
    version, revision: () => app.database.revision, eventLoopDelayMsMax: config.eventLoopDelayMsMax,
  })
  // A node that is to join others comes in as a new one when its data is gone.
  if (config.join === '' && config.discovery === 'raw') await assertNotEmptied(config.dataDir)
  await app.register(storage)
  await app.register(discovery)
  await app.register(raft, { renderProblem: (problem) => renderProblem(errors, problem) })
  await app.register(queue)
  // Hooks are asked before locks are taken: what is slow is not to be waited for by others.
  await app.register(webhooks)
  await app.register(locks)
  await app.register(writes)
  await app.register(changes, { renderProblem: (problem) => renderProblem(errors, problem).body })
  await app.register(minRevision)
  await app.register(tenants)
  await app.register(collections)
  await app.register(keys)
  await app.register(transactions)
  await app.register(receipts, { renderProblem: (problem) => renderProblem(errors, problem).body })
  await app.register(snapshot)
  await app.register(cluster)
}

/** What the listener for clients is made with: HTTP or HTTPS. */
function listenerOptions (config: Config, { listenerOptions: tls }: Tls): FastifyServerOptions {
  const http = { requireHostHeader: false, connectionsCheckingInterval: checkingMs(config) }
  if (tls === null) return { http, forceCloseConnections: 'idle' } as FastifyServerOptions
  if (!config.http2) return { https: { ...http, ...tls }, forceCloseConnections: 'idle' } as unknown as FastifyServerOptions
  const https = { ...http, ...tls, allowHTTP1: true, Http2ServerResponse: Response }
  return { http2: true, https } as unknown as FastifyServerOptions
}

/** Node looks for overdue requests every half minute, which would make a shorter time of half a minute. */
function checkingMs ({ requestTimeoutSeconds }: Config): number {
  return Math.min(requestTimeoutSeconds * 500, 5000)
}

/** What every answer carries, and that it is counted, for those that no hooks run for. */
function greet (request: FastifyRequest, reply: FastifyReply): void {
  const { database, metrics: { countStray } } = request.server
  identify(request, reply)
  reply.header('changewell-revision', database.revision)
  reply.raw.once('finish', () => countStray(request.method, reply.statusCode))
}

/** Ids that no other run of any node gives out: a random beginning and a count. */
function requestIds (): () => string {
  const beginning = randomBytes(6).toString('hex')
  let count = 0
  return () => `${beginning}-${(++count).toString(36)}`
}
