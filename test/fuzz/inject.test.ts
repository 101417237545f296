import fc from 'fast-check'
import { test } from 'tap'
import type { Config } from '../../app/config.ts'
import { Client } from '../api/client.ts'
import { buildNode, folder } from '../support/node.ts'
import { Schemas } from '../support/openapi.ts'
import { verifyFolder } from '../support/verify.ts'
import { checkAnswer } from './check.ts'
import { requestsOf } from './requests.ts'

/** Nothing waits and nothing streams, so that every request is answered at once. */
const limits: Partial<Config> = { blockedReadersMax: 0, streamsMax: 0, logSegmentBytes: 1024 * 1024, bodyBytesMax: 64 * 1024 }

/** What the requests name, anew where a request deleted or renamed it. */
async function stock (client: Client): Promise<void> {
  for (const name of ['coke', 'coke/eu', 'pepsi']) await client.post('/tenants', { name })
  for (const name of ['settings', 'a/b']) await client.post('/tenants/coke/collections', { name })
  for (const key of ['k', 'a%2Fb']) await client.put(`/tenants/coke/collections/settings/keys/${key}`, { data: 1 })
}

test('No request, however malformed, makes a node fail, and every answer is as the document says', async (t) => {
  const dataDir = folder(t)
  const client = new Client(await buildNode(t, { ...limits, dataDir }))
  const { body: document } = await client.get('/openapi.json')
  const schemas = new Schemas(document)
  const statuses: Record<string, number> = {}
  await fc.assert(fc.asyncProperty(fc.array(requestsOf(document), { minLength: 10, maxLength: 20 }), async (requests) => {
    await stock(client)
    for (const { route, method, url, headers, body } of requests) {
      const answer = await client.app.inject({ method: method as 'GET', url, headers, ...(body === null ? {} : { payload: body }) })
      const { statusCode: status, payload: text } = answer
      const isJson = /[/+]json(;|$)/.test(String(answer.headers['content-type'])) && text !== ''
      checkAnswer(schemas, route, method, { status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : text })
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }), { numRuns: 400, endOnFailure: false })
  t.comment(JSON.stringify(statuses))
  for (const status of [200, 201, 400, 404, 405, 409, 412, 415]) t.ok(statuses[status]! > 0, `some were answered with ${status}`)
  t.equal((await client.get('/livez')).status, 200)
  t.equal((await client.post('/changes', { data: 'still here' })).status, 201)
  const revision = await client.revision()
  await client.app.close()
  t.equal((await verifyFolder(dataDir)).revision, revision, 'and its database is whole')
})
