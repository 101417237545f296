import type { Config } from '../../app/config.ts'
import type { Client } from '../api/client.ts'

/** Nothing waits and nothing streams, so that every request is answered at once. */
export const limits: Partial<Config> = {
  blockedReadersMax: 0,
  streamsMax: 0,
  logSegmentBytes: 1024 * 1024,
  bodyBytesMax: 128 * 1024,
  requestTimeoutSeconds: 1,
  // A disk that is slow for a while is no fault of the answers.
  lockWaitSeconds: 60,
  writeTimeoutSeconds: 60,
  diskSeconds: 60,
}

/** What the requests name, anew where a request deleted or renamed it. */
export async function stock (client: Client): Promise<void> {
  for (const name of ['coke', 'coke/eu', 'pepsi']) await client.post('/tenants', { name })
  for (const name of ['settings', 'a/b']) await client.post('/tenants/coke/collections', { name })
  for (const key of ['k', 'a%2Fb']) await client.put(`/tenants/coke/collections/settings/keys/${key}`, { data: 1 })
}
