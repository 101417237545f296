import { Buffer } from 'node:buffer'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import json from '../../plugins/json/index.ts'
import { Problem } from '../../storage/problem.ts'
import { RawJson } from '../../storage/raw-json.ts'

/** An application that answers with the text of the data that it read, and with the facts of a problem. */
function build (t: Test) {
  const app = Fastify({ bodyLimit: 1000, ajv: { customOptions: { removeAdditional: false } } })
  app.register(json, { depthMax: 5 })
  app.setErrorHandler((error: Error & { code: string, statusCode?: number }, _request, reply) => {
    const params = error instanceof Problem ? error.params : {}
    return reply.code(error.statusCode ?? 400).send({ code: error.code, ...params })
  })
  app.post('/', (request) => {
    const { data } = request.body as { data?: unknown }
    return { data: data instanceof RawJson ? data.bytes.toString() : null }
  })
  app.post('/checked', {
    schema: {
      body: { type: 'object', additionalProperties: false, properties: { key: { type: 'string' }, data: {} } },
    },
    attachValidation: true,
  }, (request) => ({ wrong: request.validationError?.message ?? null, members: Object.keys(request.body as object) }))
  t.teardown(() => app.close())

  return async function post (payload: string | Buffer, contentType = 'application/json', url = '/') {
    const response = await app.inject({ method: 'POST', url, headers: { 'content-type': contentType }, payload })
    return { status: response.statusCode, ...response.json() }
  }
}

t.test('JSON of every media type is read, in any spelling of its charset', async t => {
  const post = build(t)
  for (const type of [
    'application/json', 'Application/JSON', 'application/json; charset=utf-8', 'application/json;charset="UTF-8"',
    'application/json; charset=utf8', 'application/merge-patch+json', 'application/ld+json; charset=utf-8',
    'application/json; profile=x',
  ]) {
    t.strictSame(await post('{"data":{ "a":1.0 }}', type), { status: 200, data: '{"a":1.0}' }, type)
  }
})

t.test('another charset is refused', async t => {
  const post = build(t)
  for (const mediaType of [
    'application/json; charset=iso-8859-1', 'application/json;charset="utf-16"', 'application/x+json; CHARSET=latin1',
    'application/json; profile=x; charset=us-ascii', 'application/json; charset=utf-8x',
  ]) {
    t.strictSame(await post('{}', mediaType), { status: 400, code: 'UNSUPPORTED_MEDIA_TYPE', mediaType })
  }
})

t.test('what is not JSON by its media type is not taken for it', async t => {
  const post = build(t)
  for (const type of ['application/xml', 'application/jsonx', 'application/x+jsonx', 'text/x+json']) {
    t.match(await post('{}', type), { status: 415, code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE' }, type)
  }
})

t.test('an empty body that claims to be JSON is refused with the reason', async t => {
  const post = build(t)
  const expected = { status: 400, code: 'INVALID_JSON', reason: 'the body is empty', offset: 0 }
  t.strictSame(await post(''), expected)
  t.strictSame(await post(Buffer.alloc(0), 'application/x+json'), expected)
})

t.test('bad JSON is refused with the reason and the offset in bytes', async t => {
  const post = build(t)
  const reason = "expected ',' or '}' after a member"
  t.strictSame(await post('{"é":1 ;}'), { status: 400, code: 'INVALID_JSON', reason, offset: 8 })
  t.match(await post(Buffer.from([0x22, 0xff, 0x22])), { code: 'INVALID_JSON', reason: 'the body is not valid UTF-8' })
  t.match(await post('{"data":[[[[[[1]]]]]]}'), { code: 'INVALID_JSON', reason: 'nested deeper than 5 levels (CHANGEWELL_JSON_DEPTH_MAX)' })
})

t.test('a body that is too long stays a matter of Fastify', async t => {
  const post = build(t)
  const payload = JSON.stringify({ data: 'x'.repeat(1000) })
  t.match(await post(payload), { status: 413, code: 'FST_ERR_CTP_BODY_TOO_LARGE' })
})

t.test('schemas see opaque data as a value, and __proto__ as a member to refuse', async t => {
  const post = build(t)
  t.match(await post('{"key":"k","data":[1]}', undefined, '/checked'), { wrong: null, members: ['key', 'data'] })
  const wrong = 'body must NOT have additional properties'
  t.match(await post('{"__proto__":{"key":1}}', undefined, '/checked'), { wrong, members: ['__proto__'] })
  t.match(await post('{"constructor":{"prototype":1}}', undefined, '/checked'), { wrong, members: ['constructor'] })
})
