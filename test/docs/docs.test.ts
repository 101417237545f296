import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import { Type } from 'typebox'
import { errors } from '../../app/errors.ts'
import { explainedErrors } from '../../app/errors-page.ts'
import docs from '../../plugins/docs/index.ts'
import problems from '../../plugins/problems/index.ts'

async function build (t: Test): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(problems, { errors })
  await app.register(docs, { version: '1.2.3', errors: explainedErrors() })
  const schema = {
    tags: ['keys'],
    summary: 'Read a key',
    params: Type.Object({ key: Type.String() }),
    querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
    response: { 200: Type.Object({ data: Type.Any() }) },
  }
  app.get('/keys/:key', { schema }, async () => ({ data: 1 }))
  await app.register(async (inner) => {
    inner.put('/inner', { schema: { body: Type.Object({ up: Type.Boolean() }) } }, async () => 'ok')
  })
  app.get('/hidden', { schema: { hide: true } }, async () => 'ok')
  return app
}

test('the OpenAPI document describes the routes that were registered after it, and no others', async (t) => {
  const app = await build(t)
  const answer = await app.inject('/openapi.json')
  t.match(answer.headers['content-type'], /^application\/json/)
  const document = answer.json()
  t.match(document, { openapi: '3.1.0', info: { title: 'Changewell', version: '1.2.3', license: { name: 'Apache-2.0' } } })
  t.strictSame(Object.keys(document.paths), ['/keys/{key}', '/inner'])
  t.strictSame(Object.keys(document.paths['/keys/{key}']), ['get', 'parameters'])
  t.match(document.paths['/keys/{key}'].get, {
    tags: ['keys'],
    parameters: [{ in: 'query', name: 'limit', schema: { type: 'integer', minimum: 1 } }, { in: 'path', name: 'key' }],
  })
  t.match(document.paths['/inner'].put.requestBody.content['application/json'].schema.properties, { up: { type: 'boolean' } })
})

test('the routes still work after they were described', async (t) => {
  const app = await build(t)
  await app.inject('/openapi.json')
  t.strictSame((await app.inject('/keys/a?limit=1')).json(), { data: 1 })
  t.equal((await app.inject('/keys/a?limit=x')).statusCode, 400)
})

test('people get pages: the document in a browser, with what it needs', async (t) => {
  const app = await build(t)
  for (const [path, type] of Object.entries({
    '/documentation': /html/,
    '/documentation/': /html/,
    '/documentation/static/swagger-ui-bundle.js': /javascript/,
    '/documentation/static/swagger-ui.css': /css/,
    '/documentation/json': /json/,
    '/documentation/yaml': /yaml/,
  })) {
    const answer = await app.inject(path)
    t.equal(answer.statusCode, 200, path)
    t.match(answer.headers['content-type'], type, path)
    t.equal(Number(answer.headers['content-length']), answer.rawPayload.length, path)
    const head = await app.inject({ method: 'HEAD', url: path })
    t.equal(head.statusCode, 200, path)
    t.equal(head.headers['content-length'], answer.headers['content-length'], path)
    t.equal(head.body, '')
  }
})

test('a page that is not there is a problem like any other', async (t) => {
  const app = await build(t)
  for (const path of ['/documentation/nothing', '/documentation/static/..%2f..%2fpackage.json', '/documentation/static/nothing.js']) {
    const answer = await app.inject(path)
    t.equal(answer.statusCode, 404, path)
    t.match(answer.json(), { code: 'ROUTE_NOT_FOUND' })
  }
})

test('the type of a problem is a link to its explanation', async (t) => {
  const app = await build(t)
  const { type } = (await app.inject('/nothing')).json()
  const [path, code] = type.split('#')
  const page = await app.inject(path)
  t.match(page.headers['content-type'], /^text\/html/)
  t.match(page.body, `id="${code}"`)
  for (const error of explainedErrors()) t.match(page.body, `id="${error.code}"`)
})
