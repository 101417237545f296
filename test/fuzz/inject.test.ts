import fc from 'fast-check'
import { test } from 'tap'
import { Client } from '../api/client.ts'
import { buildNode, folder } from '../support/node.ts'
import { Schemas } from '../support/openapi.ts'
import { verifyFolder } from '../support/verify.ts'
import { checkAnswer } from './check.ts'
import { requestsOf } from './requests.ts'
import { limits, stock } from './stock.ts'

/** The same requests each time, unless FUZZ_SEED asks for others; FUZZ_RUNS asks for more. */
const seed = Number(process.env.FUZZ_SEED ?? 1)
const numRuns = Number(process.env.FUZZ_RUNS ?? 400)

test('No request, however malformed, makes a node fail, and every answer is as the document says', async (t) => {
  const dataDir = folder(t)
  const client = new Client(await buildNode(t, { ...limits, dataDir }))
  const { body: document } = await client.get('/openapi.json')
  const schemas = new Schemas(document)
  const statuses: Record<string, number> = {}
  const many = fc.array(requestsOf(document), { minLength: 10, maxLength: 20 })
  await fc.assert(fc.asyncProperty(many, async (requests) => {
    await stock(client)
    for (const { route, method, url, headers, body } of requests) {
      const payload = body === null ? {} : { payload: body }
      const answer = await client.app.inject({ method: method as 'GET', url, headers, ...payload })
      const { statusCode: status, payload: text } = answer
      const isJson = /[/+]json(;|$)/.test(String(answer.headers['content-type'])) && text !== ''
      const seen = { status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : text }
      // Unlike a node, it resolves dots in the path.
      const path = new URL(`http://localhost${url}`).pathname
      checkAnswer(schemas, route, { method, path }, seen)
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }), { seed, numRuns })
  t.comment(JSON.stringify(statuses))
  for (const status of [200, 201, 304, 400, 404, 405, 409, 412, 415]) t.ok(statuses[status]! > 0, `some were answered with ${status}`)
  t.equal((await client.get('/livez')).status, 200)
  t.equal((await client.post('/changes', { data: 'still here' })).status, 201)
  const revision = await client.revision()
  await client.app.close()
  t.equal((await verifyFolder(dataDir)).revision, revision, 'and its database is whole')
})
