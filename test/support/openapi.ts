import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

/** An OpenAPI document as far as the tests look into it. */
export interface OpenApi {
  openapi: string
  info: { title: string, version: string, license?: { name: string, identifier?: string, url?: string } }
  tags: Array<{ name: string, description?: string }>
  components: Record<string, Record<string, unknown>>
  paths: Record<string, Record<string, Operation>>
  security?: object[]
}

export interface Operation {
  security?: object[]
  summary?: string
  tags?: string[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean, content: Record<string, { schema: Schema }> }
  responses: Record<string, Answer>
}

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
}

export interface Answer {
  description: string
  headers?: Record<string, object>
  content?: Record<string, { schema: Schema }>
}

export interface Schema {
  type?: string
  enum?: unknown[]
  minimum?: number
  maximum?: number
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean
  anyOf?: Schema[]
  default?: unknown
}

export interface DescribedRoute {
  method: string
  path: string
  operation: Operation
}

export function routesOf ({ paths }: OpenApi): DescribedRoute[] {
  return Object.entries(paths).flatMap(([path, item]) => (
    operationsOf(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation }))))
}

/** The operations of a path by method, without what stands beside them for all. */
export function operationsOf (item: Record<string, Operation>): Array<[method: string, operation: Operation]> {
  return Object.entries(item).filter(([name]) => name !== 'parameters')
}

/** The schemas of a document, compiled once each. */
export class Schemas {
  readonly #ajv = new Ajv2020({
    allowUnionTypes: true,
    strictTypes: false,
    keywords: ['components'],
    formats: { 'date-time': isDateTime, 'uri-reference': true },
  })

  readonly #compiled = new Map<Schema, ValidateFunction>()

  constructor ({ components }: OpenApi) {
    this.#ajv.addSchema({ $id: 'document:', components })
  }

  /** @throws Error when the schema is none of JSON Schema 2020-12. */
  compile (schema: Schema): ValidateFunction {
    const known = this.#compiled.get(schema)
    if (known !== undefined) return known
    const made = this.#ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document:#/')))
    this.#compiled.set(schema, made)
    return made
  }

  /** What is wrong with the value, or null. */
  fault (schema: Schema, value: unknown): string | null {
    const validate = this.compile(schema)
    return validate(value) ? null : this.#ajv.errorsText(validate.errors)
  }
}

function isDateTime (text: string): boolean {
  return new Date(text).toISOString() === text
}

/** What the document says about an answer: by its status, or by the class of it. */
export function answerOf ({ responses }: Operation, status: number): Answer | undefined {
  return responses[status] ?? responses[`${String(status)[0]}XX`]
}
