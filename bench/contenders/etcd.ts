import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { requestBytes } from '../client/request.ts'
import { endChild, freePort, startChild, waitForLine } from '../children.ts'
import type { Contender } from './contender.ts'

/** Where Debian's package etcd-server puts it. */
const program = '/usr/bin/etcd'

/**
 * One member with its defaults, so every write is synced, spoken to in JSON over HTTP; null when etcd is not installed.
 */
export async function startEtcd (dataDir: string): Promise<Contender | null> {
  try {
    await access(program, constants.X_OK)
  } catch {
    return null
  }
  const port = await freePort()
  const client = `http://127.0.0.1:${port}`
  const peer = `http://127.0.0.1:${await freePort()}`
  const child = startChild(program, [
    '--name', 'bench', '--data-dir', dataDir,
    '--listen-client-urls', client, '--advertise-client-urls', client,
    '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `bench=${peer}`,
  ])
  await waitForLine(child, /ready to serve client requests|serving (insecure )?client requests/)
  return {
    name: 'etcd',
    pid: child.pid!,
    port,
    stop: () => endChild(child),
    put: (key, value) => post('/v3/kv/put', { key: base64(key), value: base64(value) }),
    get: (key) => post('/v3/kv/range', { key: base64(key) }),
    getLocal: (key) => post('/v3/kv/range', { key: base64(key), serializable: true }),
    page: async (limit) => post('/v3/kv/range', { key: everyKey, range_end: everyKey, limit }),
    watches: { watch: { request: post('/v3/watch', { create_request: { key: everyKey, range_end: everyKey } }) } },
    sign: (key) => `"key":"${base64(key)}"`,
  }
}

/** A range from this to this is all keys, by etcd's convention. */
const everyKey = base64('\0')

function post (path: string, body: object): Buffer {
  return requestBytes('POST', path, { body: JSON.stringify(body) })
}

function base64 (text: string): string {
  return Buffer.from(text).toString('base64')
}
