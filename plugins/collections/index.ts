import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { CollectionRow, TenantNode } from '../../storage/catalog.ts'
import { Problem } from '../../storage/problem.ts'
import { pageOf } from '../pages.ts'
import {
  accepted, ackQuery, collection, collectionParams, location, problems, tags,
  tenantParams, withHeaders, writeHeaders, written,
} from '../schemas.ts'

const listQuery = Type.Object({
  after: Type.Optional(Type.String({ description: 'The name after which the page begins.' })),
  limit: Type.Integer({ minimum: 1, default: 100 }),
}, { additionalProperties: false })

const list = Type.Object({
  collections: Type.Array(collection),
  next: Type.Union([Type.String(), Type.Null()], { description: 'The `after` of the next page; null on the last one.' }),
})

const newCollection = Type.Object({ name: Type.String(), tags: Type.Optional(tags) }, { additionalProperties: false })

const deleteQuery = Type.Object({
  ...ackQuery.properties,
  recursive: Type.Boolean({ default: false, description: 'With all its keys.' }),
}, { additionalProperties: false })

/** Collections: the kinds of things that a tenant has. */
export default async function collections (instance: FastifyInstance): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { database, config } = app

  app.get('/tenants/:tenant/collections', {
    config: { role: 'read', tenant: 'path' },
    schema: {
      summary: 'List collections, by name',
      tags: ['collections'],
      params: tenantParams,
      querystring: listQuery,
      response: { 200: list, ...problems },
    },
  }, async (request) => {
    const { after, limit } = request.query
    await app.raft.readBarrier()
    const tenant = findTenant(request, request.params.tenant)
    const shown = [...tenant.collections.values()].map((row) => show(row, tenant))
    const { items, next } = pageOf(shown, ({ name }) => name, after, limit, config.pageChangesMax)
    return { collections: items, next }
  })

  app.post('/tenants/:tenant/collections', {
    config: { role: 'write', tenant: 'path' },
    schema: {
      summary: 'Create a collection',
      tags: ['collections'],
      params: tenantParams,
      headers: writeHeaders,
      querystring: ackQuery,
      body: newCollection,
      response: { 201: withHeaders(collection, location), 202: accepted, ...problems },
    },
  }, async (request, reply) => {
    const { name, tags: changeTags } = request.body
    const { tenant } = request.params
    return app.write(request, reply, {
      then: [{
        type: 'collection-create', tenant, collection: name, ...(changeTags === undefined ? {} : { tags: changeTags }),
      }],
      fields: { tenant: 'tenant', collection: '/name' },
    }, ({ written: [created] }) => {
      const tenantName = database.catalog.tenant(tenant)?.name ?? tenant
      reply.code(201)
        .header('location', `/tenants/${encodeURIComponent(tenantName)}/collections/${encodeURIComponent(name)}`)
      return { id: String(created!.revision), name, tenant: tenantName, revision: created!.revision }
    })
  })

  app.get('/tenants/:tenant/collections/:collection', {
    config: { role: 'read', tenant: 'path' },
    schema: {
      summary: 'Read a collection', tags: ['collections'], params: collectionParams, response: { 200: collection, ...problems },
    },
  }, async (request) => {
    await app.raft.readBarrier()
    const tenant = findTenant(request, request.params.tenant)
    const row = database.catalog.collection(tenant, request.params.collection)
    if (row === null) {
      throw new Problem('COLLECTION_NOT_FOUND', { tenant: tenant.name, collection: request.params.collection })
    }
    return show(row, tenant)
  })

  app.delete('/tenants/:tenant/collections/:collection', {
    config: { role: 'write', tenant: 'path' },
    schema: {
      summary: 'Delete a collection',
      tags: ['collections'],
      params: collectionParams,
      headers: writeHeaders,
      querystring: deleteQuery,
      response: { 200: written, 202: accepted, ...problems },
    },
  }, async (request, reply) => {
    return app.write(request, reply, {
      then: [{ type: 'collection-delete', ...request.params, recursive: request.query.recursive }],
      fields: { tenant: 'tenant', collection: 'collection' },
    }, ({ written: [deleted] }) => ({
      revision: deleted!.revision, timestamp: new Date(deleted!.timestamp).toISOString(),
    }))
  })

  function findTenant (request: FastifyRequest, reference: string): TenantNode {
    const node = database.catalog.tenant(reference)
    if (node === null) throw new Problem('TENANT_NOT_FOUND', { tenant: reference })
    // It may have been renamed while the reader waited for what others know.
    app.access.of(request).assert('read', reference)
    return node
  }
}

function show ({ id, name, revision }: CollectionRow, tenant: TenantNode): Static<typeof collection> {
  return { id: String(id), name, tenant: tenant.name, revision }
}
