import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import { buildCoercion } from './coercion.ts'
import { requireClosed } from './closed.ts'
import type { Schema } from './schema.ts'

type Validator = ((data: unknown) => boolean) & { errors?: ErrorObject[] | null }

/**
 * The compiler of route schemas. Fastify's own changes what it checks: it drops members that no schema knows, turns
 * `"5"` in a body into a number and `null` into an empty text. Here a body is taken as it came, with the defaults of
 * absent members filled in; query, path and headers are texts, and become numbers and booleans where the schema says
 * so. The first fault ends the check, so that a large and wrong body costs no more than a right one.
 *
 * A schema is compiled when its route is first asked: all together would take a tenth of a second from the start.
 * It throws at once for a schema of a body or a query that lets unknown members pass without saying so.
 */
export function buildValidatorCompiler (): FastifySchemaCompiler<Schema> {
  const ajv = new Ajv({
    coerceTypes: false,
    removeAdditional: false,
    useDefaults: true,
    allErrors: false,
    // The wrong value goes with the error, so that the answer can say more about it.
    verbose: true,
    allowUnionTypes: true,
    strictTypes: false,
    strictTuples: false,
    addUsedSchema: false,
    validateFormats: false,
    // TypeBox makes the schemas, so that checking them against their own schema would find nothing.
    validateSchema: false,
    meta: false,
    // What a schema says for readers of the OpenAPI document.
    keywords: ['example', 'unit'],
  })
  return ({ schema, httpPart, method, url }) => {
    if (httpPart === 'body') {
      requireClosed(schema, `the body of ${method} ${url}`)
      return lazily(() => ajv.compile(schema))
    }
    if (httpPart === 'querystring') requireClosed(schema, `the query of ${method} ${url}`)
    const lower = httpPart === 'headers' ? withLowerCaseNames(schema) : schema
    return lazily(() => ajv.compile(lower), buildCoercion(lower))
  }
}

function lazily (compile: () => ValidateFunction, coerce?: (data: Record<string, unknown>) => void): Validator {
  let validate: ValidateFunction | null = null
  const check: Validator = (data) => {
    validate ??= compile()
    coerce?.(data as Record<string, unknown>)
    const valid = validate(data)
    check.errors = validate.errors ?? null
    return valid
  }
  return check
}

/** Node gives the names of headers in lower case. */
function withLowerCaseNames (schema: Schema): Schema {
  const { properties = {}, required } = schema
  const lower = Object.entries(properties).map(([name, value]) => [name.toLowerCase(), value])
  return {
    ...schema,
    properties: Object.fromEntries(lower),
    ...(required === undefined ? {} : { required: required.map((name) => name.toLowerCase()) }),
  }
}
