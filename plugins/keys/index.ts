import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { CollectionRow, TenantNode } from '../../storage/catalog.ts'
import { readEntry, readKeys } from '../../storage/entries.ts'
import { Problem } from '../../storage/problem.ts'
import type { RawJson } from '../../storage/raw-json.ts'
import { timestampText } from '../../storage/timestamp.ts'
import type { Operation } from '../../storage/types.ts'
import { refuseConditions } from '../conditions.ts'
import { checkKey } from '../names.ts'
import { checkLimit } from '../pages.ts'
import {
  accepted, ackQuery, collectionParams, data, entry, etag, keyParams, problems,
  tags, withHeaders, writeHeaders, written,
} from '../schemas.ts'
import { sendJson } from '../send-json.ts'
import { compareOf, etagOf, isKnown } from './preconditions.ts'
import { renderEntry, renderKeys } from './render.ts'

const consistency = Type.Union([Type.Literal('linearizable'), Type.Literal('local')], {
  default: 'linearizable', description: '`local` answers from this node\'s copy, which may be behind.',
})

const listQuery = Type.Object({
  prefix: Type.String({ default: '' }),
  after: Type.Optional(Type.String({ description: 'The key after which the page begins.' })),
  limit: Type.Integer({ minimum: 1, default: 100 }),
  values: Type.Boolean({ default: true, description: 'With the data of each key.' }),
  consistency,
}, { additionalProperties: false })

const list = Type.Object({
  keys: Type.Array(entry),
  next: Type.Union([Type.String(), Type.Null()], { description: 'The `after` of the next page; null on the last one.' }),
})

const putBody = Type.Object({ data, tags: Type.Optional(tags) }, { additionalProperties: false })

const writeConditions = Type.Object({
  ...writeHeaders.properties,
  'if-match': Type.Optional(Type.String({ description: 'The revision that the key must have, as an entity tag, or `*`: it must exist.' })),
  'if-none-match': Type.Optional(Type.String({ description: '`*`: the key must not exist.' })),
})

const base = '/tenants/:tenant/collections/:collection/keys'

const namesInPath = { tenant: 'tenant', collection: 'collection', key: 'key' }

interface Named {
  tenant: string
  collection: string
  key?: string
}

/** Keys: the current value of each, read and written one by one. */
export default async function keys (instance: FastifyInstance): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { database, config } = app

  app.get(base, {
    config: { role: 'read', tenant: 'path' },
    schema: {
      summary: 'List keys, in order', tags: ['keys'], params: collectionParams, querystring: listQuery, response: { 200: list, ...problems },
    },
  }, async (request, reply) => {
    const { prefix, after = null, limit, values, consistency: wanted } = request.query
    checkLimit(limit, config.pageChangesMax)
    if (wanted === 'linearizable') await app.raft.readBarrier()
    const { tenant, collection } = find(request)
    reply.header('changewell-revision', database.revision)
    const page = await readKeys(database.store, tenant.id, collection.id, {
      prefix, after, limit, bytesMax: config.pageBytesMax, scanMax: config.pageScanMax,
    })
    return sendJson(reply, renderKeys(page.entries, page.next, values))
  })

  app.get(`${base}/:key`, {
    config: { role: 'read', tenant: 'path' },
    schema: {
      summary: 'Read a key',
      tags: ['keys'],
      params: keyParams,
      querystring: Type.Object({ consistency }, { additionalProperties: false }),
      headers: Type.Object({ 'if-none-match': Type.Optional(Type.String({ description: '304 when the reader has this entity tag.' })) }),
      response: {
        200: withHeaders(entry, etag),
        304: Type.Unsafe<undefined>({ type: 'null', description: 'The reader has it.', headers: etag }),
        ...problems,
      },
    },
  }, async (request, reply) => {
    refuseConditions(request, ['if-match'])
    if (request.query.consistency === 'linearizable') await app.raft.readBarrier()
    const { key } = request.params
    const { tenant, collection } = find(request)
    reply.header('changewell-revision', database.revision)
    const found = await readEntry(database.cache, tenant.id, collection.id, key)
    if (found === null) throw new Problem('KEY_NOT_FOUND', { tenant: tenant.name, collection: collection.name, key })
    reply.header('etag', etagOf(found.revision))
    if (isKnown(request.headers['if-none-match'], found.revision)) return reply.code(304).send(undefined)
    return sendJson(reply, renderEntry(found))
  })

  app.put(`${base}/:key`, {
    config: { role: 'write', tenant: 'path' },
    schema: {
      summary: 'Write a key',
      tags: ['keys'],
      params: keyParams,
      headers: writeConditions,
      querystring: ackQuery,
      body: putBody,
      response: { 200: withHeaders(written, etag), 201: withHeaders(written, etag), 202: accepted, ...problems },
    },
  }, async (request, reply) => {
    const { data: value, tags: changeTags } = request.body
    const { tenant, collection, key } = request.params
    const put: Operation = { type: 'put', tenant, collection, key, data: (value as RawJson).bytes }
    if (changeTags !== undefined) put.tags = changeTags
    return app.write(request, reply, {
      compare: compareOf(request.headers, request.params),
      honoursConditions: true,
      then: [put],
      fields: namesInPath,
    }, ({ written: [done] }) => {
      const { revision, timestamp, created } = done!
      reply.code(created ? 201 : 200).header('etag', etagOf(revision))
      return { revision, timestamp: timestampText(timestamp) }
    })
  })

  app.delete(`${base}/:key`, {
    config: { role: 'write', tenant: 'path' },
    schema: {
      summary: 'Delete a key',
      tags: ['keys'],
      params: keyParams,
      headers: writeConditions,
      querystring: ackQuery,
      response: { 200: written, 202: accepted, ...problems },
    },
  }, async (request, reply) => {
    return app.write(request, reply, {
      compare: compareOf(request.headers, request.params),
      honoursConditions: true,
      then: [{ type: 'delete', ...request.params }],
      fields: namesInPath,
    }, ({ written: [deleted] }) => ({ revision: deleted!.revision, timestamp: timestampText(deleted!.timestamp) }))
  })

  function find (request: FastifyRequest): { tenant: TenantNode, collection: CollectionRow } {
    const params = request.params as Named
    const tenant = database.catalog.tenant(params.tenant)
    if (tenant === null) throw new Problem('TENANT_NOT_FOUND', { tenant: params.tenant })
    // It may have been renamed while the reader waited for what others know.
    app.access.of(request).assert('read', params.tenant)
    const collection = database.catalog.collection(tenant, params.collection)
    if (collection === null) {
      throw new Problem('COLLECTION_NOT_FOUND', { tenant: tenant.name, collection: params.collection })
    }
    if (params.key !== undefined) checkKey(params.key, config.keyBytesMax, 'key')
    return { tenant, collection }
  }
}
