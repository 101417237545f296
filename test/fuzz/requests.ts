import fc from 'fast-check'
import { routesOf, type DescribedRoute, type OpenApi, type Operation, type Parameter, type Schema } from '../support/openapi.ts'
import { bodies, headers, segments, texts, values } from './nasty.ts'

/** A request as it goes out, made for one route of the document. */
export interface FuzzedRequest {
  route: DescribedRoute
  method: string
  url: string
  headers: Record<string, string>
  body: Buffer | null
}

/** What is there to be named: see `stock` of the tests. */
const names: Record<string, string[]> = {
  tenant: ['coke', 'coke/eu', '1', 'pepsi'],
  parent: ['coke', '1'],
  collection: ['settings', 'a/b'],
  key: ['k', 'a/b', 'ключ'],
  revision: ['1', '2'],
  name: ['coke', 'coke/eu', 'cola', 'fanta', 'settings', 'new'],
}

const text = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...texts) }, { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) })

/** Requests for every route that the document has, so that a new route is tried as soon as it is described. */
export function requestsOf (document: OpenApi): fc.Arbitrary<FuzzedRequest> {
  return fc.oneof(...routesOf(document).map(requestOf))
}

function requestOf (route: DescribedRoute): fc.Arbitrary<FuzzedRequest> {
  const { operation, path } = route
  const { parameters = [] } = operation
  return fc.record({
    method: fc.oneof({ weight: 20, arbitrary: fc.constant(route.method) }, { weight: 1, arbitrary: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'QUERY') }),
    path: fc.tuple(...path.split('/').slice(1).map((segment) => segmentOf(segment, parameters))).map((made) => `/${made.join('/')}`),
    query: queryOf(parameters.filter((parameter) => parameter.in === 'query')),
    headers: headersOf(parameters.filter((parameter) => parameter.in === 'header'), operation),
    body: bodyOf(operation),
  }).map(({ method, path, query, headers, body }) => ({ route, method, url: path + query, headers, body: withoutTrimming(route, body) }))
}

function segmentOf (segment: string, parameters: Parameter[]): fc.Arbitrary<string> {
  const name = /^\{(\w+)\}$/.exec(segment)?.[1]
  if (name === undefined) return fc.oneof({ weight: 60, arbitrary: fc.constant(segment) }, { weight: 1, arbitrary: fc.constantFrom(...segments) })
  const known = names[parameters.find((parameter) => parameter.name === name)?.name ?? ''] ?? []
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...known).map(encodeURIComponent) },
    { weight: 2, arbitrary: text.map(encode) },
    { weight: 1, arbitrary: fc.constantFrom(...segments) },
  )
}

function queryOf (parameters: Parameter[]): fc.Arbitrary<string> {
  const known = parameters.map((parameter) => fc.tuple(fc.constant(parameter.name), parameterOf(parameter)))
  const stray = fc.tuple(text.map(encode), fc.oneof(text.map(encode), fc.constantFrom(...segments)))
  const pair = known.length === 0 ? stray : fc.oneof({ weight: 20, arbitrary: fc.oneof(...known) }, { weight: 1, arbitrary: stray })
  const some = fc.array(pair, { maxLength: 3 }).map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&'))
  const odd = fc.constantFrom('&', '=', '&&&', '?', 'a', '%', '%00=1', '#', 'limit', 'limit=', 'since[]=1', 'tag[0]=a', 'limit[a]=1', '__proto__[a]=1', 'a=b;c=d')
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    { weight: 6, arbitrary: some.map((query) => `?${query}`) },
    { weight: 1, arbitrary: odd.map((query) => `?${query}`) },
  )
}

function parameterOf ({ name, schema }: Parameter): fc.Arbitrary<string> {
  const fitting = names[name] ?? {
    integer: ['0', '1', '2', '100'], boolean: ['true', 'false'], array: ['a', 'red'], string: ['k', 'a', 'now', '0', '1', 'linearizable', 'local', 'key'],
  }[schema.type ?? 'string'] ?? ['a']
  return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...fitting).map(encodeURIComponent) }, { weight: 1, arbitrary: text.map(encode) }, { weight: 1, arbitrary: fc.constantFrom(...segments) })
}

function headersOf (parameters: Parameter[], { requestBody }: Operation): fc.Arbitrary<Record<string, string>> {
  const usual = ['accept', 'prefer', 'content-type', 'x-request-id', 'traceparent', 'range', 'expect', 'content-encoding', 'x-forwarded-for', 'cookie']
  const name = fc.constantFrom(...parameters.map((parameter) => parameter.name), ...usual)
  return fc.array(fc.tuple(name, fc.constantFrom(...headers)), { maxLength: 2 }).map((made) => ({
    ...(requestBody === undefined ? {} : { 'content-type': 'application/json' }), ...Object.fromEntries(made),
  }))
}

function bodyOf ({ requestBody }: Operation): fc.Arbitrary<Buffer | null> {
  const none = fc.constant(null)
  const broken = fc.oneof(fc.constantFrom(...bodies), fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)))
  if (requestBody === undefined) return fc.oneof({ weight: 20, arbitrary: none }, { weight: 1, arbitrary: broken })
  const { schema } = requestBody.content['application/json']!
  return fc.oneof(
    { weight: 1, arbitrary: none },
    { weight: 2, arbitrary: broken },
    { weight: 20, arbitrary: jsonOf(schema).map((json) => Buffer.from(json)) },
  )
}

/** JSON that nearly fits the schema: now and then a value of another kind, a member too many, or one too few. */
function jsonOf (schema: Schema, name = ''): fc.Arbitrary<string> {
  return fc.oneof({ weight: 12, arbitrary: fittingJson(schema, name) }, { weight: 1, arbitrary: fc.constantFrom(...values) })
}

function fittingJson (schema: Schema, name: string): fc.Arbitrary<string> {
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((branch) => fittingJson(branch, name)))
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum.map((value) => JSON.stringify(value)))
  switch (schema.type) {
    case 'object': return objectOf(schema)
    case 'array': return fc.array(jsonOf(schema.items ?? {}), { maxLength: 3 }).map((items) => `[${items.join(',')}]`)
    case 'integer': return fc.constantFrom('0', '1', '2', '3', '1000')
    case 'boolean': return fc.constantFrom('true', 'false')
    case 'null': return fc.constant('null')
    case 'string': return fc.oneof(fc.constantFrom(...names[name] ?? ['a']), text).map((value) => JSON.stringify(value))
    default: return fc.constantFrom(...values)
  }
}

function objectOf ({ properties = {}, required = [] }: Schema): fc.Arbitrary<string> {
  const members = Object.entries(properties).map(([name, schema]) => (
    fc.option(jsonOf(schema, name), { nil: null, freq: required.includes(name) ? 30 : 2 }).map((value) => value === null ? [] : [`${JSON.stringify(name)}:${value}`])))
  const stray = fc.tuple(text, fc.constantFrom(...values)).map(([name, value]) => [`${JSON.stringify(name)}:${value}`])
  const more = fc.oneof({ weight: 20, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: stray })
  return fc.tuple(...members, more).map((made) => `{${made.flat().join(',')}}`)
}

/** The history must stay whole, because the database is compared with it in the end. */
function withoutTrimming ({ path }: DescribedRoute, body: Buffer | null): Buffer | null {
  if (path !== '/cluster/settings' || body === null) return body
  return Buffer.from(body.toString('latin1').replace(/"historyChanges":\d+/, '"historyChanges":1000000'), 'latin1')
}

/** Half of a surrogate pair cannot be encoded; it goes out as its code, as old browsers did. */
function encode (value: string): string {
  return value.isWellFormed() ? encodeURIComponent(value) : encodeURIComponent(value.toWellFormed())
}
