import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { Provider, Proposed, Self } from '../../../discovery/provider.ts'
import { expectCall, type ApiServer } from '../api-server.ts'
import type { Meddler } from '../meddler.ts'
import { Namespace, type OpenOptions } from '../namespace.ts'
import { patienceMs, waitFor } from './wait-for.ts'

export { waitFor }

export function signal (): AbortSignal {
  return AbortSignal.timeout(patienceMs)
}

export function newId (): string {
  return randomBytes(8).toString('hex')
}

export function selfOf ({ clusterId, nodeId }: Proposed): Self {
  return { clusterId, nodeId, peerAddress: '10.0.0.1:9001', apiAddress: '10.0.0.1:9000' }
}

export interface One {
  namespace: Namespace
  meddler: Meddler
  provider: Provider
}

/** The pod changewell-0 at 10.0.0.1 in a namespace of its own, its provider, and what stands between. */
export async function one (t: Test, server: ApiServer, options: OpenOptions = {}): Promise<One> {
  const namespace = await Namespace.create(t, server)
  await namespace.createPod('changewell-0')
  const meddler = await namespace.meddler()
  return { namespace, meddler, provider: await namespace.open('changewell-0', { meddler, ...options }) }
}

export async function replaceLease (namespace: Namespace, lease: { metadata: { name: string } }): Promise<void> {
  await expectCall(namespace.server, 'PUT', namespace.path('leases', lease.metadata.name), lease)
}
