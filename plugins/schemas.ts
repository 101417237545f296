import { Type, type TSchema } from 'typebox'

/** The resources of the API, as routes describe them: the OpenAPI document is made from these. */

export const revision = Type.Integer({ minimum: 0, description: 'The version number of the whole database after a change.' })

export const timestamp = Type.String({ format: 'date-time', description: 'ISO 8601, by the leader\'s clock; it never goes back.' })

export const data = Type.Any({ description: 'Any JSON. It comes back as it came: numbers are never rounded, members keep their order.' })

export const tags = Type.Array(Type.String(), { description: 'Names to filter the feed by.' })

export const changeType = Type.Union([
  Type.Literal('put'), Type.Literal('delete'), Type.Literal('tenant-create'), Type.Literal('tenant-rename'),
  Type.Literal('tenant-delete'), Type.Literal('collection-create'), Type.Literal('collection-delete'),
])

export const change = Type.Object({
  revision,
  timestamp,
  type: changeType,
  tenant: Type.Optional(Type.String({ description: 'The tenant\'s name at the time.' })),
  collection: Type.Optional(Type.String()),
  key: Type.Optional(Type.String()),
  tags: Type.Optional(tags),
  data: Type.Optional(data),
}, { $id: 'Change' })

export const changePage = Type.Object({
  changes: Type.Array(change),
  lastRevision: Type.Integer({ description: 'Everything up to here has been looked at: the `since` of the next page.' }),
  atStart: Type.Boolean({ description: 'The history holds nothing before this page.' }),
  atEnd: Type.Boolean({ description: 'The page reaches the newest change.' }),
})

export const written = Type.Object({ revision, timestamp })

export const tenant = Type.Object({
  id: Type.String({ description: 'Never changes, and is the same on every node.' }),
  name: Type.String({ description: 'A path: a child\'s name begins with its parent\'s.' }),
  revision,
})

export const collection = Type.Object({ id: Type.String(), name: Type.String(), tenant: Type.String(), revision })

export const entry = Type.Object({ key: Type.String(), revision, timestamp, data: Type.Optional(data) })

/**
 * The same schema of an answer, with the headers that this answer has and others have not. A copy: what is described of
 * one answer is not to show in another.
 */
export function withHeaders<Schema extends TSchema> (schema: Schema, headers: Record<string, TSchema>): Schema {
  return { ...schema, headers }
}

export const etag = { ETag: Type.String({ description: 'The revision, for If-Match and If-None-Match.' }) }

export const location = { Location: Type.String({ description: 'Where it can be read.' }) }

export const nextPage = { Link: Type.String({ description: 'The page after this one, with `rel="next"`.' }) }

/** Of answers that leave out what their reader may not see. */
export const rightsMark = { 'Changewell-Rights': Type.String({ description: 'A mark of what the reader may see. Kept with the copy, and sent back.' }) }

export const knownRights = {
  'changewell-rights': Type.Optional(Type.String({ description: 'The mark under which the reader got what it has: it is refused when it may see something else now.' })),
}

/** What every refusal looks like (RFC 9457), beside members that belong to its code. */
export const problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  instance: Type.Optional(Type.String()),
}, { additionalProperties: true })

export const problems = { '4XX': problem, '5XX': problem }

export const tenantParams = Type.Object({ tenant: Type.String({ description: 'A tenant\'s name (`coke%2Fdeployments`) or id.' }) })

export const collectionParams = Type.Object({ ...tenantParams.properties, collection: Type.String() })

export const keyParams = Type.Object({ ...collectionParams.properties, key: Type.String() })

/** How long a write waits. */
export const ackQuery = Type.Object({
  ack: Type.Union([Type.Literal('commit'), Type.Literal('leader'), Type.Literal('queue')], {
    default: 'commit',
    description: '`commit`: until it is made. `leader`: until the leader has it in its log, where it may yet be lost. `queue`: until it is on this node\'s disk, to be sent on when a leader is known. The last two are answered 202 with a receipt.',
  }),
}, { additionalProperties: false })

/** The answer to a write that did not wait. */
export const accepted = Type.Object({ receipt: Type.String({ description: 'For `GET /receipts/{id}`.' }) })

export const writeHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String({
    minLength: 1,
    description: 'A retry with the same key and body gets the first outcome, through any node.',
  })),
})
