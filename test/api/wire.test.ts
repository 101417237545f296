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

test('Whoever asks before sending a body hears at once that it is too long, and else that it may', async (t) => {
  const { url } = await listeningNode(t, { bodyBytesMax: 1024 })
  const ask = async (length: number, body: string) => {
    let received = ''
    const head = `POST /changes HTTP/1.1\r\nhost: a\r\n${json}expect: 100-continue\r\ncontent-length: ${length}\r\n\r\n`
    const answer = await sendRaw(url, head + body, (text) => {
      received = text
      return isWhole(text)
    })
    return { status: answer?.status, received }
  }
  const tooLong = await ask(1025, '')
  t.equal(tooLong.status, 413)
  t.match(tooLong.received, /^HTTP\/1\.1 413 /)
  const right = await ask(2, '{}')
  t.equal(right.status, 201)
  t.match(right.received, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /)
})
