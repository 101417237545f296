import t from 'tap'
import { folder } from '../support/node.ts'
import { makeCertificate } from './certificate.ts'
import { StandIn } from './stand-in/index.ts'
import { nodesSuite } from './suite/nodes.ts'

const server = new StandIn(makeCertificate(folder(t)))
await server.start()
t.teardown(() => server.kill())

await nodesSuite(t, server, { boots: 1, outageSeconds: 5 })
