import t from 'tap'
import { folder } from '../support/node.ts'
import { makeCertificate } from './certificate.ts'
import { StandIn } from './stand-in/index.ts'
import { bootSuite } from './suite/boot.ts'
import { contractSuite } from './suite/contract.ts'
import { failuresSuite } from './suite/failures.ts'
import { podsSuite } from './suite/pods.ts'

const server = new StandIn(makeCertificate(folder(t)))
await server.start()
t.teardown(() => server.kill())

contractSuite(t, server)
await bootSuite(t, server, { rounds: 18 })
await podsSuite(t, server)
await failuresSuite(t, server)
