import { lookup } from 'node:dns/promises'
import type { BundleFiles, NamedFile } from './bundle.ts'

/** The settings that this plugin reads. */
export interface TlsSettings {
  host: string
  tlsCert: string
  tlsKey: string
  clientCa: string
  clientAuth: 'none' | 'optional' | 'required'
  http2: boolean
  httpPort: number | null
  peerHost: string
  peerTlsCert: string
  peerTlsKey: string
  peerTlsCa: string
  peerTlsIdentity: 'any' | 'host' | 'node-id'
  insecurePeers: boolean
}

/** The files that the settings name. */
export interface Wanted {
  api: BundleFiles | null
  peers: BundleFiles | null
  /** What is wrong with the settings as they stand together. */
  faults: string[]
}

/** What the settings ask for, and where they do not go together. */
export async function wantedOf (settings: TlsSettings): Promise<Wanted> {
  const api = group({ cert: named('TLS_CERT', settings.tlsCert), key: named('TLS_KEY', settings.tlsKey) })
  const peers = group({
    cert: named('PEER_TLS_CERT', settings.peerTlsCert),
    key: named('PEER_TLS_KEY', settings.peerTlsKey),
    ca: named('PEER_TLS_CA', settings.peerTlsCa),
  })
  const faults = [...api.faults, ...peers.faults, ...clientFaults(settings), ...await peerFaults(settings)]
  return {
    api: api.files === null
      ? null
      : { ...api.files, ca: settings.clientCa === '' ? null : named('CLIENT_CA', settings.clientCa), usages: ['serverAuth'], trustsItself: false },
    peers: peers.files === null ? null : { ...peers.files, usages: ['serverAuth', 'clientAuth'], trustsItself: true },
    faults,
  }
}

function named (variable: string, path: string): NamedFile {
  return { setting: `CHANGEWELL_${variable}`, path }
}

/** Settings of which one without the others means nothing. */
function group<Files extends Record<string, NamedFile>> (files: Files): { files: Files | null, faults: string[] } {
  const all = Object.values(files)
  const missing = all.filter(({ path }) => path === '').map(({ setting }) => setting)
  if (missing.length === all.length) return { files: null, faults: [] }
  if (missing.length === 0) return { files, faults: [] }
  const there = all.find(({ path }) => path !== '')!
  return { files: null, faults: [`${there.setting} is set, and ${missing.join(' and ')} not; set all of ${all.map(({ setting }) => setting).join(', ')}, or none.`] }
}

function clientFaults ({ tlsCert, clientCa, clientAuth, http2, httpPort }: TlsSettings): string[] {
  const faults: string[] = []
  if (clientCa !== '' && clientAuth === 'none') {
    faults.push('CHANGEWELL_CLIENT_CA is set, but nobody is asked for a certificate; set CHANGEWELL_CLIENT_AUTH to optional or required, or leave the CA out.')
  }
  if (clientCa === '' && clientAuth !== 'none') {
    faults.push(`CHANGEWELL_CLIENT_AUTH is ${clientAuth}, but nothing says whom to trust; set CHANGEWELL_CLIENT_CA.`)
  }
  if (tlsCert !== '') return faults
  const lost = [clientCa === '' ? '' : 'CHANGEWELL_CLIENT_CA', http2 ? 'CHANGEWELL_HTTP2' : '', httpPort === null ? '' : 'CHANGEWELL_HTTP_PORT']
  for (const setting of lost.filter((name) => name !== '')) {
    faults.push(`${setting} is set, but the node speaks plain HTTP; set CHANGEWELL_TLS_CERT and CHANGEWELL_TLS_KEY, or leave it out.`)
  }
  return faults
}

async function peerFaults (settings: TlsSettings): Promise<string[]> {
  const { peerHost, peerTlsCert, peerTlsKey, peerTlsCa, peerTlsIdentity, insecurePeers } = settings
  const isSecure = [peerTlsCert, peerTlsKey, peerTlsCa].some((path) => path !== '')
  if (isSecure) {
    return insecurePeers ? ['CHANGEWELL_INSECURE_PEERS is true, but CHANGEWELL_PEER_TLS_CERT secures them; leave one of them out.'] : []
  }
  const faults = peerTlsIdentity === 'any'
    ? []
    : [`CHANGEWELL_PEER_TLS_IDENTITY is ${peerTlsIdentity}, but peers show no certificates; set CHANGEWELL_PEER_TLS_CERT, _KEY and _CA.`]
  if (insecurePeers || await isLoopback(peerHost)) return faults
  return [...faults, `CHANGEWELL_PEER_HOST is ${peerHost}, where whoever reaches it could take part in the cluster; set CHANGEWELL_PEER_TLS_CERT, ` +
    'CHANGEWELL_PEER_TLS_KEY and CHANGEWELL_PEER_TLS_CA (changewell certs makes them), or, on a network of its own, CHANGEWELL_INSECURE_PEERS=true.']
}

/** Whether only this machine reaches the address. */
export async function isLoopback (host: string): Promise<boolean> {
  // A name that there is not is told of when it is listened on.
  const { address } = await lookup(host).catch(() => ({ address: '' }))
  return address === '' || address === '::1' || /^(::ffff:)?127\./.test(address)
}
