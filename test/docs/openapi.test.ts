import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { errors } from '../../app/errors.ts'
import { keysPath, startNode, startStocked, type Client, type Headers } from '../api/client.ts'
import { routesOf as routesOfPage } from '../support/api-page.ts'
import { tokenOf } from '../auth/files.ts'
import { folder, until } from '../support/node.ts'
import { project } from '../support/project.ts'
import { answerOf, operationsOf, routesOf, Schemas, type DescribedRoute, type OpenApi, type Schema } from '../support/openapi.ts'

const page = join(project, '../shared/design/api.md')

/** What the page speaks of without a place in its table. */
const beside = ['GET /queue']

function file (t: Test, text: string): string {
  const path = join(folder(t), 'file')
  writeFileSync(path, text)
  return path
}

/** Where the document itself is, and its pages. */
const itself = ['GET /documentation', 'GET /openapi.json']

async function read (t: Test): Promise<{ document: OpenApi, routes: DescribedRoute[] }> {
  const { body } = await (await startNode(t)).get('/openapi.json')
  return { document: body, routes: routesOf(body) }
}

test('The document and the page of the design have the same routes', {
  skip: existsSync(page) ? false : 'the design is not beside this checkout',
}, async (t) => {
  const { routes } = await read(t)
  const described = routes.map(({ method, path }) => `${method} ${path}`).sort()
  const designed = routesOfPage(readFileSync(page, 'utf8'))
  for (const route of itself) t.ok(designed.includes(route), `${route} is on the page`)
  const expected = new Set([...designed, ...beside])
  for (const route of itself) expected.delete(route)
  t.strictSame(described, [...expected].sort())
})

test('The document is OpenAPI 3.1: named, licensed, and every reference leads somewhere', async (t) => {
  const { document } = await read(t)
  t.equal(document.openapi, '3.1.0')
  t.match(document.info, { title: 'Changewell', version: /^\d+\.\d+\.\d+/, license: { identifier: 'Apache-2.0' } })
  const text = JSON.stringify(document)
  for (const [, pointer = ''] of text.matchAll(/"\$ref":"([^"]*)"/g)) {
    const found = pointer.split('/').slice(1).reduce<any>((value, name) => value?.[name], document)
    t.type(found, 'object', pointer)
  }
  for (const [kind, components] of Object.entries(document.components)) {
    for (const name of Object.keys(components)) {
      // Security is asked for by name, everything else by reference.
      const use = kind === 'securitySchemes' ? `{"${name}":[]}` : `"#/components/${kind}/${name}"`
      t.ok(text.includes(use), `${kind}/${name} is used`)
    }
  }
})

test('Every schema of the document is one of JSON Schema 2020-12', async (t) => {
  const { document } = await read(t)
  const schemas = new Schemas(document)
  let count = 0
  const check = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      if (name === 'schema') {
        schemas.compile(inner as Schema)
        count++
      } else check(inner)
    }
  }
  check(document)
  t.ok(count > 100, `${count} schemas`)
})

test('Every route says what it does, what it takes, and how it refuses', async (t) => {
  const { document, routes } = await read(t)
  const tags = document.tags.map(({ name }) => name)
  for (const { method, path, operation } of routes) {
    const route = `${method} ${path}`
    const { summary, parameters = [], requestBody, responses } = operation
    t.ok(summary, `${route} has a summary`)
    t.equal(operation.tags?.length, 1, `${route} has one tag`)
    t.ok(tags.includes(operation.tags![0]!), `${route}: the tag ${operation.tags![0]} is described`)
    const inPath = parameters.filter((parameter) => parameter.in === 'path')
    t.strictSame(inPath.map(({ name }) => `{${name}}`), path.match(/\{\w+\}/g) ?? [], `${route}: the path's parameters`)
    t.ok(inPath.every(({ required }) => required), `${route}: they are required`)
    t.notOk(parameters.some((parameter) => parameter.in !== 'path' && parameter.required), `${route}: the others are not`)
    t.equal(new Set(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).size, parameters.length, `${route}: none is there twice`)
    if (requestBody !== undefined) t.strictSame(Object.keys(requestBody.content), ['application/json'], `${route}: the body's type`)
    t.equal(requestBody !== undefined, ['POST', 'PUT'].includes(method), `${route} has a body if its method has`)
    for (const [status, { description, headers, content }] of Object.entries(responses)) {
      t.match(status, /^([1-5]\d\d|[45]XX)$/, `${route}: ${status}`)
      t.ok(description && description !== 'Default Response', `${route}: ${status} is described`)
      t.hasProps(headers ?? {}, ['Changewell-Revision', 'X-Request-Id'], `${route}: headers of ${status}`)
      const types = /^[45]/.test(status) ? ['application/problem+json'] : null
      if (types !== null) t.strictSame(Object.keys(content!), types, `${route}: ${status} is a problem`)
    }
    t.hasProps(responses, ['4XX', '5XX'], `${route} can refuse`)
    t.ok(Object.keys(responses).some((status) => status.startsWith('2')), `${route} can succeed`)
  }
})

test('The document names every code that a problem can have', async (t) => {
  const { document } = await read(t)
  const { properties } = document.components.schemas!.Problem as { properties: { code: { enum: string[] } } }
  t.strictSame(properties.code.enum, Object.keys(errors))
})

test('The streams of the feed are described beside its pages', async (t) => {
  const { document } = await read(t)
  for (const path of ['/changes', '/tenants/{tenant}/changes']) {
    const { content } = document.paths[path]!.get!.responses[200]!
    t.strictSame(Object.keys(content!), ['application/json', 'text/event-stream', 'application/x-ndjson'])
  }
})

/** Headers of HTTP itself, and how long an answer may be kept, need no word in the document. */
const ofHttp = new Set([
  'content-type', 'content-length', 'date', 'connection', 'keep-alive', 'transfer-encoding', 'vary', 'cache-control',
])

test('The headers of real answers are those that the document has', async (t) => {
  const client = await startStocked(t, { snapshotsMax: 1 })
  const document: OpenApi = (await client.get('/openapi.json')).body
  const guarded = await startNode(t, { authTokens: file(t, `${tokenOf('ann')} ann\n`) })
  const seen = new Set<string>()
  const check = async (from: Client, method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH', url: string, status: number, pattern: string, body?: unknown, given?: Headers) => {
    const answer = await from.request(method, url, body, given)
    const what = `${method} ${url}: ${status}`
    t.equal(answer.status, status, what)
    const operation = document.paths[pattern]![method === 'PATCH' ? 'get' : method.toLowerCase()]!
    const described = Object.keys(answerOf(operation, status)?.headers ?? {}).map((name) => name.toLowerCase())
    const real = Object.keys(answer.headers).filter((name) => !ofHttp.has(name))
    for (const name of real) t.ok(described.includes(name), `${what}: ${name} is described`)
    if (status < 400) t.strictSame(real.sort(), described.sort(), what)
    else for (const name of real) seen.add(name)
  }
  const keyPattern = '/tenants/{tenant}/collections/{collection}/keys/{key}'
  const key = `${keysPath}/k`
  await check(client, 'POST', '/tenants', 201, '/tenants', { name: 'pepsi' })
  await check(client, 'POST', '/tenants/pepsi/collections', 201, '/tenants/{tenant}/collections', { name: 'c' })
  await check(client, 'PUT', key, 201, keyPattern, { data: 1 })
  await check(client, 'PUT', key, 200, keyPattern, { data: 2 })
  await check(client, 'GET', key, 200, keyPattern)
  await check(client, 'GET', key, 304, keyPattern, undefined, { 'if-none-match': '*' })
  await check(client, 'DELETE', key, 200, keyPattern)
  await check(client, 'POST', '/changes', 201, '/changes', { data: 1 })
  for (const [url, pattern] of [
    ['/changes', '/changes'], ['/tenants/coke/changes', '/tenants/{tenant}/changes'], ['/changes/1', '/changes/{revision}'],
    ['/tenants', '/tenants'], [keysPath, '/tenants/{tenant}/collections/{collection}/keys'], ['/snapshot', '/snapshot'],
    ['/cluster', '/cluster'], ['/livez', '/livez'], ['/metrics', '/metrics'],
  ] as const) await check(client, 'GET', url, 200, pattern)
  await check(client, 'GET', '/changes?limit=x', 400, '/changes')
  await check(client, 'POST', '/changes', 415, '/changes', '{}', { 'content-type': 'text/xml' })
  await check(client, 'PATCH', '/changes', 405, '/changes')
  await check(client, 'GET', '/changes?since=999', 409, '/changes')
  await check(client, 'PUT', '/cluster/settings', 200, '/cluster/settings', { historyChanges: 1 })
  await until(async () => (await client.get('/changes?since=0')).status === 410, 'the history to be cut')
  await check(client, 'GET', '/changes?since=0', 410, '/changes')
  await client.put('/health', { up: false })
  await check(client, 'GET', '/readyz', 503, '/readyz')
  await check(guarded, 'GET', '/changes', 401, '/changes')
  for (const name of Object.keys(document.components.headers!)) t.ok(seen.has(name.toLowerCase()), `${name} comes`)
})

test('The document says how to show who one is, and where nobody asks', async (t) => {
  const { document } = await read(t)
  t.strictSame(document.security, [{}, { basic: [] }, { bearer: [] }])
  t.strictSame(document.paths['/livez']!.get!.security, [])
  t.equal(document.paths['/changes']!.get!.security, undefined)
})

test('A path takes the methods that the document has for it, and HEAD beside GET', async (t) => {
  const client = await startNode(t)
  const { body: document } = await client.get('/openapi.json')
  for (const [path, operations] of Object.entries((document as OpenApi).paths)) {
    const described = operationsOf(operations).map(([method]) => method.toUpperCase())
    const { headers } = await client.request('PATCH', path.replaceAll(/[{}]/g, ''))
    const allowed = String(headers.allow).split(', ').filter((method) => method !== 'HEAD')
    t.strictSame(allowed.sort(), described.sort(), path)
  }
})
