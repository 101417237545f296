import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import type { Target } from '../client/connect.ts'
import { requestBytes } from '../client/request.ts'
import { endChild, freePort, startChild, waitForLine } from '../children.ts'
import type { Certificates } from './certificates.ts'
import { ask, type Contender } from './contender.ts'

/** Where Debian's package etcd-server puts it. */
const program = '/usr/bin/etcd'

/**
 * One member with its defaults, so every write is synced, spoken to in JSON over HTTP; null when etcd is not installed.
 */
export async function startEtcd (dataDir: string): Promise<Contender | null> {
  return await startEtcdMembers({ folder: dataDir, count: 1 })
}

/** Three members; whoever leads is spoken to. With certificates there is TLS throughout, between members mutual. */
export async function startEtcdCluster (
  folder: string, tls?: { name: string, certificates: Certificates }
): Promise<Contender | null> {
  return await startEtcdMembers({ folder, count: 3, ...tls })
}

interface MemberOptions {
  folder: string
  count: number
  name?: string
  certificates?: Certificates
}

async function startEtcdMembers (
  { folder, count, name: title = 'etcd', certificates }: MemberOptions
): Promise<Contender | null> {
  try {
    await access(program, constants.X_OK)
  } catch {
    return null
  }
  const members: { name: string, port: number, client: string, peer: string }[] = []
  const scheme = certificates === undefined ? 'http' : 'https'
  for (let n = 1; n <= count; n++) {
    const port = await freePort()
    members.push({
      name: `bench-${n}`, port, client: `${scheme}://127.0.0.1:${port}`, peer: `${scheme}://127.0.0.1:${await freePort()}`,
    })
  }
  const initial = members.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const started = await Promise.all(members.map(async ({ name, port, client, peer }) => {
    const child = startChild(program, [
      '--name', name, '--data-dir', `${folder}-${name}`,
      '--listen-client-urls', client, '--advertise-client-urls', client,
      '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', initial,
      ...certificates === undefined ? [] : tlsArguments(certificates),
    ])
    await waitForLine(child, /ready to serve client requests|serving (insecure )?client requests/)
    return { child, port, ...(certificates === undefined ? {} : { ca: certificates.ca }) }
  }))
  const { child, ...target } = await leaderOf(started)
  return {
    name: title,
    pid: child.pid!,
    pids: [child, ...started.map((one) => one.child).filter((one) => one !== child)].map((one) => one.pid!),
    ...target,
    stop: async () => { await Promise.all(started.map((one) => endChild(one.child))) },
    put: (key, value) => post('/v3/kv/put', { key: base64(key), value: base64(value) }),
    get: (key) => post('/v3/kv/range', { key: base64(key) }),
    getLocal: (key) => post('/v3/kv/range', { key: base64(key), serializable: true }),
    page: async (limit) => post('/v3/kv/range', { key: everyKey, range_end: everyKey, limit }),
    watches: { watch: { request: post('/v3/watch', { create_request: { key: everyKey, range_end: everyKey } }) } },
    sign: (key) => `"key":"${base64(key)}"`,
  }
}

function tlsArguments ({ server, peer }: Certificates): string[] {
  return [
    '--cert-file', server.cert, '--key-file', server.key,
    '--peer-cert-file', peer.cert, '--peer-key-file', peer.key, '--peer-trusted-ca-file', peer.ca, '--peer-client-cert-auth',
  ]
}

async function leaderOf<Member extends Target> (members: Member[]): Promise<Member> {
  for (;;) {
    for (const member of members) {
      const status = JSON.parse(await ask(member, 'POST', '/v3/maintenance/status', {})) as {
        leader?: string, header: { member_id: string }
      }
      if (status.leader === status.header.member_id) return member
    }
    await new Promise((resolve) => { setTimeout(resolve, 100) })
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
