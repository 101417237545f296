import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { buildNode, until } from '../support/node.ts'

/** A node that gives requests one second, and where its listener for other nodes is. */
async function start (t: Test): Promise<{ port: number, call: (path: string, body?: object) => Promise<Response> }> {
  const app = await buildNode(t, { requestTimeoutSeconds: 1 })
  const address = await app.raft.listen('127.0.0.1', 0)
  const member = { id: 'b'.repeat(16), role: 'replica', peerAddress: '127.0.0.1:1', apiAddress: '127.0.0.1:2' }
  await app.inject({ method: 'POST', url: '/cluster/members?wait=0', payload: member })
  const headers = { 'changewell-node': member.id }
  const call = (path: string, body?: object): Promise<Response> => fetch(`http://${address}${path}`, body === undefined
    ? { headers }
    : { method: 'POST', body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } })
  return { port: Number(address.split(':').at(-1)), call }
}

t.test('Whoever sends a request byte by byte is cut off in time, and nodes get through meanwhile', async (t) => {
  const { port, call } = await start(t)
  let closed = 0
  const slow = Array.from({ length: 50 }, () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {}).on('close', () => { closed++ })
    socket.write('POST /join HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n')
    return socket
  })
  const drip = setInterval(() => { for (const socket of slow) socket.write(' ') }, 100)
  t.teardown(() => {
    clearInterval(drip)
    for (const socket of slow) socket.destroy()
  })
  t.equal((await call('/snapshots/1-1')).status, 404)
  await until(() => closed === slow.length, 'all of them to be cut off')
})

t.test('What no node would ask is refused with a reason', async (t) => {
  const { call } = await start(t)
  for (const name of ['1', '1-2-3', '..%2f..%2fnode-id', '99999999999999999-1', '%00-1']) {
    t.equal((await call(`/snapshots/${name}`)).status, 404, name)
  }
  t.equal((await call('/snapshots/1-1?offset=-1')).status, 404)
  const right = { id: 'a'.repeat(16), role: 'voter', peerAddress: 'h:1', apiAddress: 'h:2', isEmpty: true }
  for (const wrong of [{ id: 'me' }, { role: 'leader' }, { peerAddress: '' }, { isEmpty: 'perhaps' }, { apiAddress: 'x'.repeat(301) }]) {
    const response = await call('/join', { ...right, ...wrong })
    t.equal(response.status, 400, JSON.stringify(wrong))
    t.match(await response.json(), { code: 'BAD_REQUEST' })
  }
  t.equal((await call('/join', { padding: 'x'.repeat(70_000) })).status, 400, 'more than a join call needs')
})
