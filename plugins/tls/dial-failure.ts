import { alertOf } from './alert.ts'

/** What OpenSSL and Node say of the certificate of whoever was dialled. */
const ofCertificate: Record<string, string> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet; one of the clocks may be wrong',
  INVALID_PURPOSE: 'is not for servers',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'has signed itself',
}

const isUntrusted = /^(UNABLE_TO_|SELF_SIGNED_|CERT_SIGNATURE_FAILURE$|INVALID_CA$|CERT_UNTRUSTED$)/

/** Why TLS to another node was not agreed on, for an operator; null for what has nothing to do with TLS. */
export function dialFailure ({ code = '', message }: NodeJS.ErrnoException): string | null {
  if (Object.hasOwn(ofCertificate, code)) return `its certificate ${ofCertificate[code]} (${code})`
  if (isUntrusted.test(code)) {
    return `its certificate leads to no authority in CHANGEWELL_PEER_TLS_CA, or intermediates are missing after it (${code})`
  }
  const alert = alertOf(message)
  if (alert === null) return null
  return alert === 'wrong version number' ? 'it does not speak TLS' : `TLS was not agreed on (${alert})`
}
