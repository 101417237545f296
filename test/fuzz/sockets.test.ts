import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test, type Test } from 'tap'
import { Client } from '../api/client.ts'
import { checkManners } from '../api/manners.ts'
import { folder, listeningNode } from '../support/node.ts'
import { Schemas } from '../support/openapi.ts'
import { isWhole, sendRaw, type RawAnswer } from '../support/raw-http.ts'
import { verifyFolder } from '../support/verify.ts'
import { checkAnswer } from './check.ts'
import { requestsOf, type FuzzedRequest } from './requests.ts'
import { limits, stock } from './stock.ts'

/** The same requests each time, unless FUZZ_SEED asks for others; FUZZ_RUNS asks for more. */
const seed = Number(process.env.FUZZ_SEED ?? 1)
const numRuns = Number(process.env.FUZZ_RUNS ?? 40)
const punctuation = ['\r\n', '\r\n\r\n', ' ', ':', '%', '/', '?', '"', '{', '[', '\\', '\u0000', 'HTTP/1.1']

async function start (t: Test): Promise<{ client: Client, url: string, finish: () => Promise<void> }> {
  const dataDir = folder(t)
  const { app, url } = await listeningNode(t, { ...limits, dataDir })
  const client = new Client(app)
  await stock(client)
  const finish = async () => {
    t.equal((await fetch(`${url}/livez`)).status, 200, 'the node still serves')
    const { revision } = (await client.post('/changes', { data: 'still here' })).body
    await app.close()
    t.equal((await verifyFolder(dataDir)).revision, revision, 'and its database is whole')
  }
  return { client, url, finish }
}

function bodyOf ({ headers, text }: RawAnswer): any {
  return /[/+]json(;|$)/.test(headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) : text
}

/** Whatever was sent: an answer that is well-formed HTTP and no mistake of the node's, or none. */
function checkRaw (answer: RawAnswer | null): void {
  if (answer === null) return
  // What was sent before may have taken the node out of service, which /readyz then says.
  const isDrained = answer.status === 503 && answer.text.includes('"DRAINING"')
  assert.ok(answer.status >= 100 && (answer.status < 500 || isDrained), `the status ${answer.status}: ${answer.text}`)
  // An answer to HEAD has no body; what the method was, a request that was bent does not tell.
  checkManners({ ...answer, body: bodyOf(answer) }, answer.text === '' ? 'HEAD' : 'GET')
}

const json = 'content-type: application/json\r\n'
const post = 'POST /changes HTTP/1.1\r\nhost: a\r\nconnection: close\r\n'

/** What is sent, and the status that answers it; null where the connection is closed without a word. */
const malformed: Array<[string, number | null]> = [
  ['\r\n\r\n', 408],
  ['nonsense\r\n\r\n', 400],
  ['GET\r\n\r\n', 400],
  ['GET /changes\r\n\r\n', 200],
  ['GET /changes HTTP/9.9\r\nhost: a\r\n\r\n', 400],
  ['GET /changes HTTP/1.1\r\n\r\n', 400],
  ['GET /changes HTTP/1.1\nhost: a\n\n', 400],
  ['GET /a b HTTP/1.1\r\nhost: a\r\n\r\n', 400],
  ['GET /\u0000 HTTP/1.1\r\nhost: a\r\n\r\n', 400],
  ['GET /changes HTTP/1.1\r\nhost: a\r\nbad header: 1\r\n\r\n', 400],
  ['GET /changes HTTP/1.1\r\nhost: a\r\nx: a\u0000b\r\n\r\n', 400],
  ['GET /changes HTTP/1.1\r\nhost: a\r\n: empty\r\n\r\n', 400],
  ['FETCH /changes HTTP/1.1\r\nhost: a\r\n\r\n', 400],
  ['GET changes HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 400],
  ['GET * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
  ['OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
  ['GET /../changes HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
  ['GET /tenants/../changes HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
  ['GET /tenants/%2e%2e HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
  ['GET /tenants/%00 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 404],
  ['GET /changes#since=1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 200],
  ['GET http://elsewhere/livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 200],
  ['CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n', 400],
  ['GET /livez HTTP/1.1\r\nhost: a\r\nHost: a\r\nconnection: close\r\n\r\n', 400],
  ['GET /livez HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n', 200],
  ['GET /livez HTTP/1.1\r\nhost: a\r\nexpect: miracles\r\nconnection: close\r\n\r\n', 200],
  ['GET /livez HTTP/1.0\r\n\r\n', 200],
  [`${post}${json}content-length: 2\r\n\r\n{}`, 201],
  [`${post}${json}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, 201],
  [`${post}${json}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`, 400],
  [`${post}${json}transfer-encoding: chunked\r\n\r\n-2\r\n{}`, 400],
  [`${post}${json}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, 400],
  [`${post}${json}transfer-encoding: gzip\r\n\r\n{}`, 400],
  [`${post}${json}transfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, 400],
  [`${post}${json}transfer-encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, 201],
  [`${post}${json}content-encoding: Identity\r\ncontent-length: 2\r\n\r\n{}`, 201],
  [`${post}${json}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`, 400],
  [`${post}${json}content-length: -2\r\n\r\n{}`, 400],
  [`${post}${json}content-length: 2e0\r\n\r\n{}`, 400],
  [`${post}${json}content-length: 99999999999999999999999\r\n\r\n{}`, 400],
  [`${post}${json}content-length: 140000\r\n\r\n{}`, 413],
  [`${post}${json}transfer-encoding: chunked\r\n\r\n22222\r\n${'x'.repeat(0x22222)}\r\n0\r\n\r\n`, 413],
  [`${post}${json}content-length: 20\r\n\r\n{}`, 408],
  [`${post}content-length: 2\r\n\r\n{}`, 415],
  [`${post}${json}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}`, 415],
  [`GET /livez HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
  [`GET /${'x'.repeat(17_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 431],
]

test('What is malformed as HTTP is refused by a problem document or a closed connection', async (t) => {
  const { url, finish } = await start(t)
  await Promise.all(malformed.map(async ([bytes, status]) => {
    const answer = await sendRaw(url, Buffer.from(bytes, 'latin1'), isWhole)
    t.equal(answer?.status ?? null, status, JSON.stringify(bytes.slice(0, 100)))
    t.doesNotThrow(() => checkRaw(answer))
  }))
  await finish()
})

/** The request as bytes, with what would end its head early left out. */
function bytesOf ({ method, url, headers, body }: FuzzedRequest): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = body === null ? '' : `content-length: ${body.length}\r\n`
  const head = `${method} ${url} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${lines.join('')}${length}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body ?? Buffer.alloc(0)])
}

test('Requests that come over a socket as they are fail no node either', async (t) => {
  const { client, url, finish } = await start(t)
  const { body: document } = await client.get('/openapi.json')
  const schemas = new Schemas(document)
  const many = fc.array(requestsOf(document), { minLength: 20, maxLength: 30 })
  await fc.assert(fc.asyncProperty(many, async (requests) => {
    await stock(client)
    await Promise.all(requests.map(async (request) => {
      const answer = await sendRaw(url, bytesOf(request), isWhole)
      checkRaw(answer)
      if (answer === null) return
      const { route, method } = request
      const path = request.url.split(/[?#]/, 1)[0]!
      checkAnswer(schemas, route, { method, path }, { ...answer, body: bodyOf(answer) })
    }))
  }), { seed, numRuns })
  await finish()
})

/** A place in the bytes as a part of their length, and what is done there. */
const mutation = fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  removed: fc.nat({ max: 4 }),
  inserted: fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.constantFrom(...punctuation).map((text) => Buffer.from(text))),
})

test('Requests with bytes changed, lost and added fail no node', async (t) => {
  const { client, url, finish } = await start(t)
  const { body: document } = await client.get('/openapi.json')
  const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 })
  const mutated = fc.tuple(requestsOf(document), mutations).map(([request, made]) => (
    made.reduce((bytes, { place, removed, inserted }) => {
      const at = Math.floor(place * bytes.length)
      return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)])
    }, bytesOf(request))))
  await fc.assert(fc.asyncProperty(fc.array(mutated, { minLength: 30, maxLength: 60 }), async (requests) => {
    await stock(client)
    for (const answer of await Promise.all(requests.map((bytes) => sendRaw(url, bytes, isWhole)))) checkRaw(answer)
  }), { seed, numRuns })
  await finish()
})
