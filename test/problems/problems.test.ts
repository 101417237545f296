import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { test, type Test } from 'tap'
import { errors } from '../../app/errors.ts'
import problems, { frameworkErrors } from '../../plugins/problems/index.ts'
import { Problem } from '../../storage/problem.ts'

type Answer = Awaited<ReturnType<FastifyInstance['inject']>>

async function build (t: Test, options: FastifyServerOptions = {}): Promise<FastifyInstance> {
  const app = Fastify({ frameworkErrors: frameworkErrors(errors), bodyLimit: 100, ...options })
  t.teardown(() => app.close())
  await app.register(problems, { errors })
  app.get('/things/:name', async () => 'ok')
  app.put('/things/:name', async () => 'ok')
  app.post('/things', async () => 'ok')
  app.get('/problem', async () => { throw new Problem('HISTORY_GONE', { firstRevision: 7 }) })
  app.get('/error', async () => { throw new Error('secret') })
  app.get('/text', async () => { throw 'a text' }) // eslint-disable-line no-throw-literal
  app.get('/teapot', async () => { throw Object.assign(new Error('short and stout'), { statusCode: 418 }) })
  return app
}

function isProblem (t: Test, answer: Answer, code: string, facts: object = {}): void {
  t.equal(answer.headers['content-type'], 'application/problem+json')
  const document = answer.json()
  t.match(document, { code, type: `/documentation/errors#${code}`, status: answer.statusCode, instance: /./, ...facts })
  t.type(document.title, 'string')
  t.type(document.detail, 'string')
}

test('a problem is answered with its status, its headers and its facts', async (t) => {
  const answer = await (await build(t)).inject('/problem')
  t.equal(answer.statusCode, 410)
  t.equal(answer.headers.link, '</snapshot>; rel="alternate"')
  isProblem(t, answer, 'HISTORY_GONE', { firstRevision: 7, detail: /begins at revision 7/ })
})

test('an unforeseen error is answered without its words, and logged with them', async (t) => {
  const lines: string[] = []
  const app = await build(t, { logger: { level: 'error', stream: { write: (line: string) => { lines.push(line) } } } })
  const answer = await app.inject('/error')
  t.equal(answer.statusCode, 500)
  isProblem(t, answer, 'INTERNAL', { requestId: answer.json().instance })
  t.notMatch(answer.body, /secret/)
  t.match(JSON.parse(lines[0]!), { reqId: answer.json().requestId, err: { message: 'secret', stack: /problems\.test/ } })
})

test('what is thrown and is not an error is answered as well', async (t) => {
  const answer = await (await build(t)).inject('/text')
  t.equal(answer.statusCode, 500)
  isProblem(t, answer, 'INTERNAL')
})

test('an error of a library that blames the request is a bad request', async (t) => {
  const answer = await (await build(t)).inject('/teapot')
  t.equal(answer.statusCode, 400)
  isProblem(t, answer, 'BAD_REQUEST', { reason: 'short and stout' })
})

test('an unknown path is not found, whatever is sent to it', async (t) => {
  const app = await build(t)
  const plain = await app.inject('/nothing?a=1')
  t.equal(plain.statusCode, 404)
  isProblem(t, plain, 'ROUTE_NOT_FOUND', { method: 'GET', path: '/nothing' })
  const xml = await app.inject({ method: 'POST', url: '/nothing', headers: { 'content-type': 'text/xml' }, payload: '<a/>' })
  t.equal(xml.statusCode, 404)
  isProblem(t, xml, 'ROUTE_NOT_FOUND')
})

test('a known path under another method says which methods it takes', async (t) => {
  const app = await build(t)
  const answer = await app.inject({ method: 'DELETE', url: '/things/a%2Fb?x=1' })
  t.equal(answer.statusCode, 405)
  t.equal(answer.headers.allow, 'GET, HEAD, PUT')
  isProblem(t, answer, 'METHOD_NOT_ALLOWED', { allow: 'GET, HEAD, PUT', path: '/things/a%2Fb' })
  t.equal((await app.inject({ method: 'OPTIONS', url: '/things' })).headers.allow, 'POST')
})

test('what Fastify refuses of a body is answered with the code that says it', async (t) => {
  const app = await build(t)
  const post = (contentType: string, payload: string) =>
    app.inject({ method: 'POST', url: '/things', headers: { 'content-type': contentType }, payload })
  const large = await post('application/json', JSON.stringify('x'.repeat(200)))
  t.equal(large.statusCode, 413)
  isProblem(t, large, 'BODY_TOO_LARGE', { limitBytes: 100 })
  const xml = await post('text/xml', '<a/>')
  t.equal(xml.statusCode, 415)
  isProblem(t, xml, 'UNSUPPORTED_MEDIA_TYPE', { mediaType: 'text/xml' })
  isProblem(t, await post('nonsense', '{}'), 'UNSUPPORTED_MEDIA_TYPE', { mediaType: 'nonsense' })
  isProblem(t, await post('application/json', ''), 'INVALID_JSON')
  isProblem(t, await post('application/json', '{'), 'INVALID_JSON')
})

test('a path that cannot be decoded, and a segment that is too long, are refused', async (t) => {
  const app = await build(t)
  const bad = await app.inject('/things/%ff')
  t.equal(bad.statusCode, 400)
  isProblem(t, bad, 'BAD_REQUEST', { reason: /%ff/ })
  const long = await app.inject(`/things/${'x'.repeat(200)}`)
  t.equal(long.statusCode, 400)
  isProblem(t, long, 'INVALID_FIELD', { field: 'path' })
})

test('a fault that the schema finds names its field', async (t) => {
  const app = await build(t)
  app.get('/limited', { schema: { querystring: { type: 'object', properties: { limit: { maximum: 5, type: 'integer' } } } } },
    async () => 'ok')
  const answer = await app.inject('/limited?limit=6')
  t.equal(answer.statusCode, 400)
  isProblem(t, answer, 'INVALID_FIELD', { field: 'limit', reason: 'must be at most 5' })
})

test('an answer to HEAD has the status and no body', async (t) => {
  const answer = await (await build(t)).inject({ method: 'HEAD', url: '/problem' })
  t.equal(answer.statusCode, 410)
  t.equal(answer.body, '')
})

test('every code of the table can be rendered', async (t) => {
  const app = await build(t)
  const codes = Object.keys(errors) as Array<keyof typeof errors>
  app.get('/render/:code', async (request) => {
    const { code } = request.params as { code: keyof typeof errors }
    throw new Problem(code, errors[code].example)
  })
  for (const code of codes) {
    const answer = await app.inject(`/render/${code}`)
    t.equal(answer.statusCode, errors[code].status)
    isProblem(t, answer, code, errors[code].example)
  }
})
