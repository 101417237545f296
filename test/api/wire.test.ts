import { test } from 'tap'
import { listeningNode } from '../support/node.ts'
import { isWhole, sendRaw } from '../support/raw-http.ts'

const json = 'content-type: application/json\r\n'

test('A condition holds, however many headers come before it', async (t) => {
  const { app, url } = await listeningNode(t)
  await app.inject({ method: 'POST', url: '/tenants', payload: { name: 'coke' } })
  await app.inject({ method: 'POST', url: '/tenants/coke/collections', payload: { name: 'c' } })
  const key = '/tenants/coke/collections/c/keys/k'
  t.equal((await app.inject({ method: 'PUT', url: key, payload: { data: 'first' } })).statusCode, 201)
  for (const count of [998, 1000, 3000]) {
    const head = `PUT ${key} HTTP/1.1\r\nhost: a\r\n${json}content-length: 12\r\n${'a:\r\n'.repeat(count)}if-match: "1"\r\n\r\n`
    t.match(await sendRaw(url, `${head}{"data":"x"}`, isWhole), { status: 412, text: /PRECONDITION_FAILED/ }, `${count} headers`)
  }
  t.equal((await app.inject(key)).json().data, 'first')
})
