import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { listeningNode, until } from '../support/node.ts'
import { sendRaw } from '../support/raw-http.ts'

/** How many answers were counted with these labels. */
async function counted (app: FastifyInstance, method: string, route: string, status: number): Promise<number> {
  const labels = `changewell_http_requests_total{method="${method}",route="${route}",status="${status}"} `
  const line = (await app.inject('/metrics')).body.split('\n').find((text) => text.startsWith(labels))
  return Number(line?.slice(labels.length) ?? 0)
}

test('What never becomes a request is counted by what it is answered with', async (t) => {
  const { app, url } = await listeningNode(t, { requestTimeoutSeconds: 1 })
  const sent: Array<[bytes: string, method: string, status: number]> = [
    [`GET /livez HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(17_000)}\r\n\r\n`, 'none', 431],
    ['GARBAGE\r\n\r\n', 'none', 400],
    ['GET /livez HTTP/1.1\r\n', 'none', 408],
    ['GET /%ff HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 'GET', 400],
    ['CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n', 'CONNECT', 400],
    ['GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n', 'GET', 400],
  ]
  for (const [bytes, method, status] of sent) {
    const route = bytes.startsWith('GET /livez HTTP/1.1\r\nc') ? '/livez' : 'none'
    const before = await counted(app, method, route, status)
    t.equal((await sendRaw(url, bytes))?.status, status)
    await until(async () => await counted(app, method, route, status) === before + 1, `${method} ${route} ${status} to be counted`)
  }
})

test('Streams, polls and snapshots are counted whoever ends them, each once', async (t) => {
  const { app, url } = await listeningNode(t)
  const { hostname, port } = new URL(url)
  const leave = async (target: string, accept: string, isThere: () => boolean): Promise<void> => {
    const socket = connect(Number(port), hostname)
    socket.write(`GET ${target} HTTP/1.1\r\nhost: a\r\naccept: ${accept}\r\n\r\n`)
    await until(isThere, target)
    socket.destroy()
  }
  await leave('/changes?since=now', 'text/event-stream', () => app.feed.streams === 1)
  await until(async () => await counted(app, 'GET', '/changes', 200) === 1, 'the stream to be counted')
  await leave('/changes?since=now&block=60', '*/*', () => app.feed.waiters.size === 1)
  await until(async () => await counted(app, 'GET', '/changes', 499) === 1, 'the poll to be counted')
  await (await fetch(`${url}/changes?since=0`)).text()
  await (await fetch(`${url}/snapshot`)).text()
  t.equal((await fetch(`${url}/changes?limit=x`)).status, 400)
  await until(async () => await counted(app, 'GET', '/snapshot', 200) === 1, 'the snapshot to be counted')
  t.equal(await counted(app, 'GET', '/changes', 200), 2)
  t.equal(await counted(app, 'GET', '/changes', 400), 1)
  t.equal(await counted(app, 'GET', '/changes', 499), 1)
})

test('The pages of the documentation are counted', async (t) => {
  const { app } = await listeningNode(t)
  for (const page of ['/openapi.json', '/documentation', '/documentation/errors']) {
    await app.inject(page)
    t.equal(await counted(app, 'GET', page, 200), 1, page)
  }
  t.equal(Object.hasOwn((await app.inject('/openapi.json')).json().paths, '/metrics'), true, 'and /metrics is described')
})
