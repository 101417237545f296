import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { TenantNode } from '../../storage/catalog.ts'
import { Problem } from '../../storage/problem.ts'
import { pageOf } from '../pages.ts'
import {
  accepted, ackQuery, location, problems, tags, tenant, tenantParams, withHeaders, writeHeaders, written,
} from '../schemas.ts'

const listQuery = Type.Object({
  parent: Type.Optional(Type.String({ description: 'Only tenants below this one.' })),
  after: Type.Optional(Type.String({ description: 'The name after which the page begins.' })),
  limit: Type.Integer({ minimum: 1, default: 100 }),
}, { additionalProperties: false })

const list = Type.Object({
  tenants: Type.Array(tenant),
  next: Type.Union([Type.String(), Type.Null()], { description: 'The `after` of the next page; null on the last one.' }),
})

const newTenant = Type.Object({ name: Type.String(), tags: Type.Optional(tags) }, { additionalProperties: false })

const deleteQuery = Type.Object({
  ...ackQuery.properties,
  recursive: Type.Boolean({ default: false, description: 'With all that it holds.' }),
}, { additionalProperties: false })

/** Tenants: whose data it is. */
export default async function tenants (instance: FastifyInstance): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { database, config } = app

  app.get('/tenants', {
    config: { role: 'read', tenant: 'seen' },
    schema: { summary: 'List tenants, by name', tags: ['tenants'], querystring: listQuery, response: { 200: list, ...problems } },
  }, async (request) => {
    const { parent, after, limit } = request.query
    const access = app.access.of(request)
    if (parent !== undefined) access.assert('read', parent)
    await app.raft.readBarrier()
    const from = parent === undefined ? undefined : find(parent)
    const nodes = [...database.catalog.tenants(from)].filter((node) => node !== from && access.mayRead(node.name))
    const { items, next } = pageOf(nodes.map(show), ({ name }) => name, after, limit, config.pageChangesMax)
    return { tenants: items, next }
  })

  app.post('/tenants', {
    config: { role: 'write', tenant: 'each' },
    schema: {
      summary: 'Create a tenant',
      tags: ['tenants'],
      headers: writeHeaders,
      querystring: ackQuery,
      body: newTenant,
      response: { 201: withHeaders(tenant, location), 202: accepted, ...problems },
    },
  }, async (request, reply) => {
    const { name, tags: changeTags } = request.body
    return app.write(request, reply, {
      then: [{ type: 'tenant-create', tenant: name, ...(changeTags === undefined ? {} : { tags: changeTags }) }],
      fields: { tenant: '/name' },
    }, ({ written: [created] }) => {
      reply.code(201).header('location', `/tenants/${encodeURIComponent(name)}`)
      return { id: String(created!.revision), name, revision: created!.revision }
    })
  })

  app.get('/tenants/:tenant', {
    config: { role: 'read', tenant: 'path' },
    schema: { summary: 'Read a tenant', tags: ['tenants'], params: tenantParams, response: { 200: tenant, ...problems } },
  }, async (request) => {
    await app.raft.readBarrier()
    const node = find(request.params.tenant)
    // It may have been renamed while the reader waited for what others know.
    app.access.of(request).assert('read', request.params.tenant)
    return show(node)
  })

  app.put('/tenants/:tenant', {
    config: { role: 'write', tenant: 'path' },
    schema: {
      summary: 'Rename a tenant',
      description: 'The names of the tenants below it follow. The parent stays.',
      tags: ['tenants'],
      params: tenantParams,
      headers: writeHeaders,
      querystring: ackQuery,
      body: newTenant,
      response: { 200: tenant, 202: accepted, ...problems },
    },
  }, async (request, reply) => {
    const { name, tags: changeTags } = request.body
    return app.write(request, reply, {
      then: [{ type: 'tenant-rename', tenant: request.params.tenant, name, ...(changeTags === undefined ? {} : { tags: changeTags }) }],
      fields: { tenant: 'tenant' },
    }, ({ written: [renamed] }) => ({ id: String(renamed!.id), name, revision: renamed!.revision }))
  })

  app.delete('/tenants/:tenant', {
    config: { role: 'write', tenant: 'path' },
    schema: {
      summary: 'Delete a tenant',
      tags: ['tenants'],
      params: tenantParams,
      headers: writeHeaders,
      querystring: deleteQuery,
      response: { 200: written, 202: accepted, ...problems },
    },
  }, async (request, reply) => {
    return app.write(request, reply, {
      then: [{ type: 'tenant-delete', tenant: request.params.tenant, recursive: request.query.recursive }],
      fields: { tenant: 'tenant' },
    }, (outcome) => {
      const { revision, timestamp } = outcome.written.at(-1)!
      return { revision, timestamp: new Date(timestamp).toISOString() }
    })
  })

  function find (reference: string): TenantNode {
    const node = database.catalog.tenant(reference)
    if (node === null) throw new Problem('TENANT_NOT_FOUND', { tenant: reference })
    return node
  }
}

function show ({ id, name, revision }: TenantNode): Static<typeof tenant> {
  return { id: String(id), name, revision }
}
