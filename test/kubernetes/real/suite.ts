import t from 'tap'
import { bootSuite } from '../suite/boot.ts'
import { contractSuite } from '../suite/contract.ts'
import { failuresSuite } from '../suite/failures.ts'
import { podsSuite } from '../suite/pods.ts'
import { KubeApiserver } from './kube-apiserver.ts'
import { manifestsSuite } from './manifests.ts'

const server = await KubeApiserver.open(t)

contractSuite(t, server)
await manifestsSuite(t, server)
await bootSuite(t, server, { rounds: 100 })
await podsSuite(t, server)
await failuresSuite(t, server)
