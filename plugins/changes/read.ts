import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { readChange } from '../../storage/history.ts'
import { Problem } from '../../storage/problem.ts'
import { change, changePage, knownRights, nextPage, problems, rightsMark, tenantParams, withHeaders } from '../schemas.ts'
import { sendJson } from '../send-json.ts'
import type { Page } from '../../storage/history.ts'
import { beforeBorder, type View } from './border.ts'
import { newestOfEachKey, renderPage } from './page.ts'
import { filterOf, framingOf, missingOf, sinceOf, waitOf } from './query.ts'
import { historySource, tenantSource, type Source } from './source.ts'

const feedQuery = {
  since: Type.Optional(Type.String({ description: 'The revision after which to begin; 0 for all, `now` for what is to come.' })),
  limit: Type.Integer({ minimum: 1, default: 100, description: 'Changes on a page.' }),
  block: Type.Optional(Type.Integer({ minimum: 0, description: 'Seconds to wait when there is nothing yet.' })),
}

const historyQuery = Type.Object({
  ...feedQuery,
  tenant: Type.Optional(Type.String({ description: 'Changes of this tenant (a name or an id).' })),
  descendants: Type.Optional(Type.Boolean({ description: 'With the tenants below it.' })),
  collection: Type.Optional(Type.String()),
  key: Type.Optional(Type.String({ minLength: 1 })),
  tag: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Repeatable: changes with any of these tags.' })),
  distinct: Type.Optional(Type.Literal('key', { description: 'Only the newest change of each key on the page.' })),
}, { additionalProperties: false })

const feedHeaders = Type.Object({
  'last-event-id': Type.Optional(Type.String({ description: 'Wins over `since`.' })),
  prefer: Type.Optional(Type.String({ description: '`wait=SECONDS`, as `block`.' })),
})

const historyHeaders = Type.Object({ ...feedHeaders.properties, ...knownRights })

const feedTypes = ['application/json', 'text/event-stream', 'application/x-ndjson']

interface FeedRequest {
  source: Source
  /** What the reader may see; null when nothing is hidden from anybody. */
  view: View | null
  /** That of the rights by which changes are chosen; null for a reader who named a tenant. */
  mark: string | null
  distinct: boolean
  query: { since?: string, limit: number, block?: number }
}

/** The feed for readers: pages, long polls, streams. */
export async function readRoutes (instance: FastifyInstance): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { config, database, feed } = app
  const limits = { pageBytesMax: config.pageBytesMax, pageScanMax: config.pageScanMax }

  app.get('/changes', {
    config: { longLived: true, role: 'read', tenant: 'seen' },
    schema: {
      summary: 'Follow all changes',
      description: 'A page; with `block` a long poll; with `Accept: text/event-stream` or `application/x-ndjson` a stream.',
      tags: ['changes'],
      produces: feedTypes,
      headers: historyHeaders,
      querystring: historyQuery,
      response: { 200: withHeaders(changePage, { ...nextPage, ...rightsMark }), ...problems },
    },
  }, async (request, reply) => {
    const access = app.access.of(request)
    if (request.query.tenant !== undefined) access.assert('read', request.query.tenant)
    const asked = filterOf(database.catalog, request.query)
    const view = access.view(asked.tenant === 0 ? null : asked.tenant, request.headers['changewell-rights'])
    const mark = asked.tenant === 0 ? access.readMark : null
    const filter = { ...asked, sees: view?.sees ?? null, isBorder: view?.isBorder ?? null }
    const missing = (): Problem | null => missingOf(database.catalog, filter, request.query)
    const source = historySource(database, feed.tail, filter, missing, limits)
    return serve(request, reply, { source, view, mark, query: request.query, distinct: request.query.distinct === 'key' })
  })

  app.get('/tenants/:tenant/changes', {
    config: { longLived: true, role: 'read', tenant: 'path' },
    schema: {
      summary: 'Follow one tenant',
      description: 'The newest change of each key only, whatever became of the older history.',
      tags: ['changes'],
      params: tenantParams,
      produces: feedTypes,
      headers: feedHeaders,
      querystring: Type.Object(feedQuery, { additionalProperties: false }),
      response: { 200: withHeaders(changePage, nextPage), ...problems },
    },
  }, async (request, reply) => {
    const { tenant } = request.params
    const node = database.catalog.tenant(tenant)
    if (node === null) throw new Problem('TENANT_NOT_FOUND', { tenant })
    const source = tenantSource(database, feed.tail, node.id, tenant, limits)
    const view = app.access.of(request).view(node.id)
    return serve(request, reply, { source, view, mark: null, query: request.query, distinct: false })
  })

  app.get('/changes/:revision', {
    config: { role: 'read', tenant: 'seen' },
    schema: {
      summary: 'Read one change',
      tags: ['changes'],
      params: Type.Object({ revision: Type.Integer({ minimum: 1 }) }),
      response: { 200: change, ...problems },
    },
  }, async (request, reply) => {
    const { revision } = request.params
    if (revision < database.firstRevision) throw new Problem('HISTORY_GONE', { firstRevision: database.firstRevision })
    const found = feed.tail.covers(revision - 1) && revision <= feed.tail.lastRevision
      ? feed.tail.frame(revision).change
      : await readChange(database.store, revision)
    if (found !== null) {
      const access = app.access.of(request)
      // To name its tenant would tell of it.
      if (access.view(null)?.sees?.(found) === false) access.assert('read', undefined)
      return sendJson(reply, found.text)
    }
    // It may have been cut while it was looked for.
    if (revision < database.firstRevision) throw new Problem('HISTORY_GONE', { firstRevision: database.firstRevision })
    throw new Problem('REVISION_NOT_FOUND', { revision, lastRevision: database.revision })
  })

  async function serve (request: FastifyRequest, reply: FastifyReply, wanted: FeedRequest): Promise<FastifyReply> {
    const { source, view, mark, query } = wanted
    // It may have waited for a revision, and what it may see may have changed meanwhile.
    assertGood(view)
    reply.header('vary', 'accept')
    const framing = framingOf(request.headers.accept)
    const since = sinceOf(query.since, oneOf(request.headers['last-event-id']), feed.tail.lastRevision)
    if (query.limit > config.pageChangesMax) {
      throw new Problem('INVALID_FIELD', { field: 'limit', reason: `must be at most ${config.pageChangesMax} (CHANGEWELL_PAGE_CHANGES_MAX)` })
    }
    if (framing === 'page') return page(request, reply, wanted, since)
    feed.admitStream()
    source.assertWhole(since)
    reply.header('content-type', framing === 'sse' ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson; charset=utf-8')
    reply.header('cache-control', 'no-store')
    reply.header('x-accel-buffering', 'no')
    if (mark !== null) reply.header('changewell-rights', mark)
    reply.header('changewell-revision', database.revision)
    request.blocked = true
    reply.hijack()
    reply.raw.writeHead(200, reply.getHeaders() as Record<string, string>)
    reply.raw.flushHeaders()
    if (request.method === 'HEAD') reply.raw.end()
    else feed.open({ response: reply.raw, source, view, framing, since })
    return reply
  }

  async function page (
    request: FastifyRequest, reply: FastifyReply, wanted: FeedRequest, since: number
  ): Promise<FastifyReply> {
    const { source, view, mark, query, distinct } = wanted
    const read = async (after: number): Promise<Page> => {
      assertGood(view)
      const read = await source.read(after, query.limit)
      assertGood(view)
      return beforeBorder(read, view)
    }
    const seconds = waitOf(query.block, oneOf(request.headers.prefer), config.blockSecondsMax)
    let found = await read(since)
    if (seconds > 0 && found.changes.length === 0) {
      request.blocked = true
      const until = performance.now() + seconds * 1000
      while (found.changes.length === 0 && !reply.raw.destroyed && !feed.closed) {
        const left = (until - performance.now()) / 1000
        if (left <= 0) break
        let seen = found.lastRevision
        if (seen >= feed.tail.lastRevision) seen = await feed.waiters.wait(source.matches, seen, left, reply.raw)
        found = await read(seen)
      }
    }
    const changes = distinct ? newestOfEachKey(found.changes) : found.changes
    if (mark !== null) reply.header('changewell-rights', mark)
    reply.header('link', `<${nextLink(request, found.lastRevision)}>; rel="next"`)
    reply.header('cache-control', 'no-store')
    return sendJson(reply, renderPage({
      changes,
      lastRevision: found.lastRevision,
      atStart: since < source.firstRevision,
      atEnd: found.lastRevision >= feed.tail.lastRevision,
    }))
  }
}

function assertGood (view: View | null): void {
  const lost = view?.lost() ?? null
  if (lost !== null) throw lost
}

/** The same request, after the last change looked at. */
function nextLink (request: FastifyRequest, lastRevision: number): string {
  // Most name their place in plain characters; taking a URL apart takes many times as long as this.
  if (/^\/[\w/.~%?=&-]*$/.test(request.url) && /[?&]since=/.test(request.url)) {
    return request.url.replace(/([?&]since=)[^&]*/, `$1${lastRevision}`)
  }
  const url = new URL(request.url, 'http://localhost')
  url.searchParams.set('since', String(lastRevision))
  return url.pathname + url.search
}

function oneOf (header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
