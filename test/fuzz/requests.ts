import fc from 'fast-check'
import { routesOf, type DescribedRoute, type OpenApi, type Operation, type Parameter, type Schema } from '../support/openapi.ts'
import { brokenBody, oddBody, plainJson } from './json.ts'
import { encode, known, oddText } from './names.ts'
import { headers, queries, segments } from './nasty.ts'

/** A request as it goes out, made for one route of the document. */
export interface FuzzedRequest {
  route: DescribedRoute
  method: string
  url: string
  headers: Record<string, string>
  body: Buffer | null
  /** How fast-check shows it. */
  [fc.toStringMethod]: () => string
}

/** A part of a request as it should be, and as it should not. */
interface Part<T> {
  plain: fc.Arbitrary<T>
  odd: fc.Arbitrary<T>
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'QUERY']

const usualHeaders = [
  'accept', 'prefer', 'content-type', 'x-request-id', 'traceparent', 'range', 'expect', 'content-encoding', 'cookie'
]

/** Requests for every route that the document has, so that a new route is tried as soon as it is described. */
export function requestsOf (document: OpenApi): fc.Arbitrary<FuzzedRequest> {
  return fc.oneof(...routesOf(document).map(requestOf))
}

/** At most two parts are odd: with more, most requests would be refused for the first, and never looked into. */
function requestOf (route: DescribedRoute): fc.Arbitrary<FuzzedRequest> {
  const { operation } = route
  const parts = {
    method: { plain: fc.constant(route.method), odd: fc.constantFrom(...methods) },
    path: pathOf(route),
    query: queryOf(parametersIn('query', operation)),
    headers: headersOf(parametersIn('header', operation), operation),
    body: bodyOf(operation),
  }
  const most = fc.subarray<string>(['path', 'query', 'headers', 'body'], { maxLength: 2 })
  const odd = fc.oneof(
    { weight: 9, arbitrary: most }, { weight: 1, arbitrary: fc.constant<string[]>(['method']) })
  return odd.chain((names) => {
    const chosen = <T>(name: string, part: Part<T>): fc.Arbitrary<T> => names.includes(name) ? part.odd : part.plain
    return fc.record({
      method: chosen('method', parts.method),
      path: chosen('path', parts.path),
      query: chosen('query', parts.query),
      headers: chosen('headers', parts.headers),
      body: chosen('body', parts.body),
    })
  }).map(({ method, path, query, headers, body }) => shown({
    route, method, url: path + query, headers, body: withoutTrimming(route, body),
  }))
}

function shown (request: Omit<FuzzedRequest, typeof fc.toStringMethod>): FuzzedRequest {
  const { method, url, headers, body } = request
  const text = JSON.stringify([method, url, headers, body?.toString('latin1')])
  return { ...request, [fc.toStringMethod]: () => text.length > 1000 ? `${text.slice(0, 1000)}...` : text }
}

function parametersIn (place: Parameter['in'], { parameters = [] }: Operation): Parameter[] {
  return parameters.filter((parameter) => parameter.in === place)
}

function pathOf ({ path }: DescribedRoute): Part<string> {
  const pattern = path.split('/').slice(1)
  const plain = pattern.map((segment) => {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1]
    return name === undefined ? fc.constant(segment) : fc.constantFrom(...known(name)).map(encode)
  })
  const odd = fc.oneof(oddText.map(encode), fc.constantFrom(...segments))
  return {
    plain: fc.tuple(...plain).map(joined),
    odd: fc.tuple(fc.nat({ max: pattern.length - 1 }), odd, fc.tuple(...plain))
      .map(([at, segment, made]) => joined(made.toSpliced(at, 1, segment))),
  }
}

function joined (segments: string[]): string {
  return `/${segments.join('/')}`
}

function queryOf (parameters: Parameter[]): Part<string> {
  const odd = fc.oneof(oddText.map(encode), fc.constantFrom(...segments))
  const stray = fc.tuple(oddText.map(encode), odd)
  const plain = parameters.map(({ name, schema }) => (
    fc.tuple(fc.constant(name), fc.constantFrom(...fitting(name, schema)).map(encode))))
  const bent = parameters.map(({ name }) => fc.tuple(fc.constant(name), odd))
  return {
    plain: fewOf(plain, 2).map(queryText),
    odd: fc.oneof(
      fc.array(fc.oneof(...plain, ...bent, stray), { minLength: 1, maxLength: 3 }).map(queryText),
      fc.constantFrom(...queries)
    ),
  }
}

function fewOf<T> (arbitraries: Array<fc.Arbitrary<T>>, count: number): fc.Arbitrary<T[]> {
  const few = fc.subarray(arbitraries, { maxLength: Math.min(count, arbitraries.length) })
  return few.chain((some) => fc.tuple(...some))
}

function queryText (pairs: Array<[string, string]>): string {
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`
}

function fitting (name: string, { type, enum: values, anyOf = [] }: Schema): string[] {
  const choice = values ?? anyOf.flatMap((branch) => branch.enum ?? [])
  if (choice.length > 0) return choice.map(String)
  if (type === 'integer') return ['1', '2', '100']
  return type === 'boolean' ? ['true', 'false'] : known(name)
}

function headersOf (parameters: Parameter[], { requestBody }: Operation): Part<Record<string, string>> {
  const always: Record<string, string> = requestBody === undefined ? {} : { 'content-type': 'application/json' }
  const names = parameters.map(({ name }) => name)
  const plain = names.map((name) => (
    fc.tuple(fc.constant(name), name.startsWith('if-') ? fc.constantFrom('*', '"1"') : fc.nat().map(String))))
  const odd = fc.tuple(fc.constantFrom(...usualHeaders, ...names), fc.constantFrom(...headers))
  return {
    plain: fewOf(plain, 1).map(withAlways),
    odd: fc.array(fc.oneof(...plain, odd), { minLength: 1, maxLength: 3 }).map(withAlways),
  }

  function withAlways (pairs: Array<[string, string]>): Record<string, string> {
    return { ...always, ...Object.fromEntries(pairs) }
  }
}

function bodyOf ({ requestBody }: Operation): Part<Buffer | null> {
  const none = fc.constant(null)
  if (requestBody === undefined) return { plain: none, odd: brokenBody }
  const { schema } = requestBody.content['application/json']!
  return {
    plain: plainJson(schema).map((json) => Buffer.from(json)),
    odd: fc.oneof({ weight: 1, arbitrary: none }, { weight: 9, arbitrary: oddBody(schema) }),
  }
}

/** The history must stay whole, because the database is compared with it in the end. */
function withoutTrimming ({ path }: DescribedRoute, body: Buffer | null): Buffer | null {
  if (path !== '/cluster/settings' || body === null) return body
  return Buffer.from(body.toString('latin1').replace(/"historyChanges":\d+/, '"historyChanges":1000000'), 'latin1')
}
