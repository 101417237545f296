import { resolve } from 'node:path'
import type { Config } from '../config.ts'

export interface TryIt {
  /** The program and what it trusts and shows. Words in capitals are for the reader to fill in. */
  curl: string
  /** Where to send to. */
  url: string
}

/**
 * How curl calls the node that listens at the address, a URL.
 *
 * @param name what the node's certificate calls it, where that is not the address
 */
export function tryIt (address: string, name: string | null, config: Config): TryIt {
  const { tlsCert, clientAuth, authHtpasswd, authTokens } = config
  const { hostname, port } = new URL(address)
  const parts = [
    'curl',
    // The node's own certificate is as good as its authority's to whoever trusts this node.
    ...tlsCert === '' ? [] : [`--cacert ${resolve(tlsCert)}`],
    ...name === null ? [] : [`--resolve ${name}:${port}:${hostname}`],
    ...clientAuth === 'required' ? ['--cert CLIENT.pem --key CLIENT.key'] : [],
    ...authHtpasswd !== '' ? ['--user NAME'] : authTokens !== '' ? ['-H "authorization: Bearer TOKEN"'] : [],
  ]
  return { curl: parts.join(' '), url: name === null ? address : `https://${name}:${port}` }
}
