import { resolve } from 'node:path'
import type { Config } from '../config.ts'

/** How curl calls this node: what it trusts and shows. Words in capitals are for the reader to fill in. */
export function curlFor ({ tlsCert, clientAuth, authHtpasswd, authTokens }: Config): string {
  // The node's own certificate is as good as its authority's to whoever trusts this node.
  const trusted = tlsCert === '' ? '' : ` --cacert ${resolve(tlsCert)}`
  const shown = clientAuth === 'required' ? ' --cert CLIENT.pem --key CLIENT.key' : ''
  const named = authHtpasswd !== '' ? ' --user NAME' : authTokens !== '' ? ' -H "authorization: Bearer TOKEN"' : ''
  return `curl${trusted}${shown}${named}`
}
