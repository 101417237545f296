import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { openPeer, postPeer, type PeerCaller } from '../../plugins/raft/peer-http.ts'

const caller: PeerCaller = {
  connect: (host, port) => connect(port, host),
  self: () => ({ from: 'a'.repeat(16), address: null }),
}

/** Where somebody listens who answers so. */
async function listening (t: Test, answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await new Promise((resolve) => { server.once('listening', resolve) })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('Whoever begins an answer and does not end it is given up, and nothing else ends for it', async (t) => {
  const address = await listening(t, (response) => { response.writeHead(200).write('{') })
  const answer = postPeer(caller, address, '/identity', {}, 100)
  await t.rejects(answer, { name: 'PeerCallError', message: 'no answer within 100 ms', cause: { code: 'ETIMEDOUT' } })
})

t.test('A connection that is reset while its answer comes is an error for whoever reads it', async (t) => {
  const address = await listening(t, (response) => {
    response.writeHead(200, { 'content-length': 1000 }).write('begun', () => { response.socket!.resetAndDestroy() })
  })
  await t.rejects(postPeer(caller, address, '/identity', {}), { name: 'PeerCallError' })
  await t.rejects(openPeer(caller, address, '/snapshots/1-1').then((response) => text(response)))
})
