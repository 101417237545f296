import type { ExplainedError } from './errors-page.ts'

/** As much of an OpenAPI document (version 3.1.0 of its specification) as is looked at here. */
export interface Document {
  components?: Record<string, Record<string, unknown>>
  paths?: Record<string, Record<string, Operation>>
}

interface Operation {
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
 * every route can refuse with a problem document, and every answer has some headers. Changes the document in place.
 */
export function finishDocument (document: Document, errors: readonly ExplainedError[]): Document {
  const { schemas, ...others } = document.components ?? {}
  document.components = { ...others, schemas: { ...schemas, Problem: problemSchema(errors) }, headers }
  for (const operation of Object.values(document.paths ?? {}).flatMap((path) => Object.values(path))) {
    for (const parameter of operation.parameters ?? []) {
      if (parameter.schema?.default !== undefined) parameter.required = false
    }
    for (const { schema } of Object.values(operation.requestBody?.content ?? {})) optionalWithDefault(schema)
    operation.responses = {
      ...operation.responses,
      '4XX': problemResponse('The request is refused, and nothing was changed.'),
      '5XX': problemResponse('The node cannot do it now, or does not know what became of it.'),
    }
    for (const [status, response] of Object.entries(operation.responses)) finishResponse(status, response)
  }
  return document
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
  response.headers = { 'Changewell-Revision': ref('headers/Revision'), 'X-Request-Id': ref('headers/RequestId'), ...response.headers }
  for (const type of Object.keys(response.content ?? {})) {
    // Streams and texts are not the object that the JSON is.
    if (!/[/+]json$/.test(type)) response.content![type] = { schema: { type: 'string' } }
  }
}

function problemResponse (description: string): Response {
  return { description, content: { 'application/problem+json': { schema: ref('schemas/Problem') } } }
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

const headers = {
  Revision: { description: 'The revision of the node\'s database.', schema: { type: 'integer', minimum: 0 } },
  RequestId: { description: 'The id that the request came with, or was given.', schema: { type: 'string' } },
}

function ref (place: string): object {
  return { $ref: `#/components/${place}` }
}
