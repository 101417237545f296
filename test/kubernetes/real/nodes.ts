import t from 'tap'
import { nodesSuite } from '../suite/nodes.ts'
import { KubeApiserver } from './kube-apiserver.ts'

await nodesSuite(t, await KubeApiserver.open(t), { boots: 1, outageSeconds: 60 })
