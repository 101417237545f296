import type { ExplainedError } from './errors-page.ts'

/** As much of an OpenAPI document (version 3.1.0 of its specification) as is looked at here. */
export interface Document {
  components?: Record<string, Record<string, unknown>>
  paths?: Record<string, Record<string, Operation>>
  security?: Array<Record<string, string[]>>
}

interface Operation {
  tags?: string[]
  parameters?: Array<{ required?: boolean, schema?: Schema }>
  requestBody?: { content: Record<string, { schema?: Schema }> }
  responses: Record<string, Response>
}

interface Response {
  description: string
  headers?: Record<string, unknown>
  content?: Record<string, unknown>
}

interface Schema {
  default?: unknown
  required?: string[]
  properties?: Record<string, Schema>
  items?: Schema
}

const descriptions: Record<string, string> = { 200: 'Done, or here it is.', 201: 'It was made.', 202: 'It was taken in, and is not done yet.' }

/**
 * Says what holds for all routes and what the schemas of single routes cannot: what has a default need not be sent,
 * every route can refuse with a problem document, and every request and answer can have some headers. Changes the
 * document in place.
 */
export function finishDocument (document: Document, errors: readonly ExplainedError[]): Document {
  const { schemas, ...others } = document.components ?? {}
  const allSchemas = { ...schemas, Problem: problemSchema(errors) }
  document.components = { ...others, schemas: allSchemas, headers, parameters, securitySchemes }
  // A node without files of credentials asks for none.
  document.security = [{}, ...Object.keys(securitySchemes).map((name) => ({ [name]: [] }))]
  for (const path of Object.values(document.paths ?? {})) {
    const operations = Object.values(path)
    for (const operation of operations) finishOperation(operation)
    // What tells how the node is does not wait for others.
    const isHealth = operations.some(({ tags }) => tags?.includes('health'))
    const names = Object.keys(parameters).filter((name) => !isHealth || name !== 'MinRevision')
    Object.assign(path, { parameters: names.map((name) => ref(`parameters/${name}`)) })
  }
  return document
}

function finishOperation (operation: Operation): void {
  for (const parameter of operation.parameters ?? []) {
    if (parameter.schema?.default !== undefined) parameter.required = false
  }
  for (const { schema } of Object.values(operation.requestBody?.content ?? {})) optionalWithDefault(schema)
  operation.responses = {
    ...operation.responses,
    '4XX': problemResponse('The request is refused, and nothing was changed.',
      ['Accept', 'Allow', 'Link', 'Retry-After', 'WWW-Authenticate']),
    '5XX': problemResponse('The node cannot do it now, or does not know what became of it.', ['Retry-After']),
  }
  for (const [status, response] of Object.entries(operation.responses)) finishResponse(status, response)
}

function optionalWithDefault (schema: Schema | undefined): void {
  const { required, properties, items } = schema ?? {}
  if (required !== undefined) schema!.required = required.filter((name) => properties?.[name]?.default === undefined)
  for (const inner of [items, ...Object.values(properties ?? {})]) {
    if (inner !== undefined) optionalWithDefault(inner)
  }
}

function finishResponse (status: string, response: Response): void {
  if (response.description === 'Default Response') response.description = descriptions[status] ?? status
  const always = Object.fromEntries(['Changewell-Revision', 'X-Request-Id'].map((name) => [name, ref(`headers/${name}`)]))
  response.headers = { ...always, ...response.headers }
  for (const type of Object.keys(response.content ?? {})) {
    // Streams and texts are not the object that the JSON is.
    if (!/[/+]json$/.test(type)) response.content![type] = { schema: { type: 'string' } }
  }
}

/** With the headers that some of its codes have. */
function problemResponse (description: string, some: Array<keyof typeof headers>): Response {
  return {
    description,
    headers: Object.fromEntries(some.map((name) => [name, ref(`headers/${name}`)])),
    content: { 'application/problem+json': { schema: ref('schemas/Problem') } },
  }
}

function problemSchema (errors: readonly ExplainedError[]): object {
  return {
    type: 'object',
    description: 'Why a request is refused (RFC 9457), with further members that belong to the code.',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      type: { type: 'string', format: 'uri-reference', description: 'A link to what is said about the code.' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'What happened, and what to do.' },
      code: { type: 'string', enum: errors.map(({ code }) => code) },
      instance: { type: 'string', description: 'The id of the request.' },
    },
    additionalProperties: true,
  }
}

const text = { type: 'string' }

const headers = {
  'Changewell-Revision': { description: 'The revision of the node\'s database.', schema: { type: 'integer', minimum: 0 } },
  'X-Request-Id': { description: 'The id that the request came with, or was given.', schema: text },
  Accept: { description: 'With 415: the media type to send.', schema: text },
  Allow: { description: 'With 405: the methods that the path takes.', schema: text },
  Link: { description: 'With 410: the snapshot to begin anew from, with `rel="alternate"`.', schema: text },
  'Retry-After': { description: 'Seconds after which to try again.', schema: { type: 'integer', minimum: 1 } },
  'WWW-Authenticate': { description: 'With 401: the schemes that are taken.', schema: text },
}

/** Headers that every request can have. */
const parameters = {
  MinRevision: {
    name: 'Changewell-Min-Revision',
    in: 'header',
    description: 'The request is answered once the node has reached this revision, or with REVISION_TIMEOUT.',
    schema: { type: 'integer', minimum: 0 },
  },
  RequestId: { name: 'X-Request-Id', in: 'header', description: 'An id for the request, which the answer carries.', schema: text },
  TraceParent: { name: 'traceparent', in: 'header', description: 'The caller\'s place in a trace (W3C Trace Context).', schema: text },
}

const securitySchemes = {
  basic: { type: 'http', scheme: 'basic', description: 'Of the file CHANGEWELL_AUTH_HTPASSWD.' },
  bearer: { type: 'http', scheme: 'bearer', description: 'Of the file CHANGEWELL_AUTH_TOKENS.' },
}

function ref (place: string): object {
  return { $ref: `#/components/${place}` }
}
