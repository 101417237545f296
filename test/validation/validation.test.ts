import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import { Type, type TSchema } from 'typebox'
import validation from '../../plugins/validation/index.ts'
import { RawJson } from '../../storage/raw-json.ts'

async function build (t: Test): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(validation)
  return app
}

/** Answers with what a query became, or with the fault. */
async function withQuery (t: Test, properties: Record<string, TSchema>) {
  const app = await build(t)
  const querystring = Type.Object(properties, { additionalProperties: false })
  app.get('/', { schema: { querystring } }, async ({ query }) => query)
  return async (query: string) => {
    const answer = await app.inject(`/?${query}`)
    return answer.statusCode === 200 ? answer.json() : answer.json().message
  }
}

const closed = { additionalProperties: false }

test('a query becomes numbers and booleans where the schema says so', async (t) => {
  const read = await withQuery(t, {
    limit: Type.Optional(Type.Integer()),
    ratio: Type.Optional(Type.Number()),
    descendants: Type.Optional(Type.Boolean()),
    name: Type.Optional(Type.String()),
  })
  t.strictSame(await read('limit=10&ratio=-1.5&descendants=true&name=5'),
    { limit: 10, ratio: -1.5, descendants: true, name: '5' })
})

test('what only looks like a number or a boolean is refused', async (t) => {
  const read = await withQuery(t, { limit: Type.Optional(Type.Integer()), descendants: Type.Optional(Type.Boolean()) })
  for (const text of ['1e3', '0x10', '%205', '5%20', '', '+5', '007', '5.', '5.0', '1.5', '9007199254740993', 'NaN', 'null', '1&limit=2']) {
    t.match(await read(`limit=${text}`), /limit must be integer/, text)
  }
  for (const text of ['1', '0', 'TRUE', '', 'yes']) t.match(await read(`descendants=${text}`), /must be boolean/, text)
})

test('a repeatable parameter is an array also when it is given once', async (t) => {
  const read = await withQuery(t, {
    tag: Type.Optional(Type.Array(Type.String())),
    revision: Type.Optional(Type.Array(Type.Integer())),
  })
  t.strictSame(await read('tag=a'), { tag: ['a'] })
  t.strictSame(await read('tag=a&tag=b&revision=1&revision=2'), { tag: ['a', 'b'], revision: [1, 2] })
  t.match(await read('revision=1&revision=x'), /revision\/1 must be integer/)
})

test('a choice of a word or a number takes both', async (t) => {
  const read = await withQuery(t, {
    since: Type.Optional(Type.Union([Type.Literal('now'), Type.Integer({ minimum: 0 })])),
    any: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
    order: Type.Optional(Type.Enum(['asc', 'desc'])),
  })
  t.strictSame(await read('since=now'), { since: 'now' })
  t.strictSame(await read('since=12&order=asc'), { since: 12, order: 'asc' })
  t.strictSame(await read('any=12'), { any: '12' })
  t.type(await read('since=then'), 'string')
  t.type(await read('since=-1'), 'string')
})

test('a parameter that no schema knows is refused, whatever its name', async (t) => {
  const read = await withQuery(t, { limit: Type.Optional(Type.Integer({ default: 100 })) })
  t.match(await read('limt=1'), /additional properties/)
  t.type(await read('__proto__=1'), 'string')
  t.type(await read('constructor=1'), 'string')
  t.strictSame(await read(''), { limit: 100 })
})

test('a body is taken as it came: nothing is coerced and nothing dropped', async (t) => {
  const app = await build(t)
  const body = Type.Object({
    up: Type.Optional(Type.Boolean()),
    name: Type.Optional(Type.String()),
    type: Type.Optional(Type.String({ default: 'put' })),
    data: Type.Optional(Type.Any()),
  }, closed)
  app.post('/', { schema: { body } }, async (request) => request.body)
  const status = async (payload: object) => (await app.inject({ method: 'POST', url: '/', payload })).statusCode
  t.equal(await status({ up: 'true' }), 400)
  t.equal(await status({ up: 1 }), 400)
  t.equal(await status({ name: 5 }), 400)
  t.equal(await status({ name: null }), 400)
  t.equal(await status({ nmae: 'a' }), 400)
  t.equal(await status(['up']), 400)
  t.strictSame((await app.inject({ method: 'POST', url: '/', payload: { data: [null, '5'] } })).json(),
    { data: [null, '5'], type: 'put' })
})

test('data that is kept as bytes passes through untouched', async (t) => {
  const app = await build(t)
  const raw = new RawJson(Buffer.from('{"a":1e999}'))
  app.addContentTypeParser('application/test', { parseAs: 'buffer' }, (_request, _body, done) => done(null, { data: raw }))
  app.post('/', { schema: { body: Type.Object({ data: Type.Any() }, closed) } },
    async (request) => (request.body as { data: unknown }).data === raw)
  const answer = await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/test' }, payload: 'x' })
  t.equal(answer.body, 'true')
})

test('the path and the headers are checked and converted like a query', async (t) => {
  const app = await build(t)
  const schema = {
    params: Type.Object({ revision: Type.Integer({ minimum: 1 }) }),
    headers: Type.Object({ 'X-Count': Type.Optional(Type.Integer()) }),
  }
  app.get('/:revision', { schema }, async ({ params, headers }) => ({ params, count: headers['x-count'] }))
  t.strictSame((await app.inject({ url: '/7', headers: { 'X-Count': '3' } })).json(), { params: { revision: 7 }, count: 3 })
  t.equal((await app.inject('/0')).statusCode, 400)
  t.equal((await app.inject('/x')).statusCode, 400)
  t.equal((await app.inject({ url: '/7', headers: { 'x-count': 'x' } })).statusCode, 400)
})

test('a schema that does not say whether it is open is a mistake that stops the start', async (t) => {
  const open = Type.Object({ a: Type.String() })
  for (const body of [open, Type.Object({ a: Type.Array(open) }, closed)]) {
    const app = await build(t)
    app.post('/', { schema: { body } }, async () => 'ok')
    await t.rejects(async () => app.ready(), /must say additionalProperties/)
  }
})
