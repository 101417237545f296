import { alertOf } from '../../plugins/tls/alert.ts'

/** What a command calls, and with what: paths, empty where a setting names none. */
export interface Called {
  url: string
  cert: string
  key: string
}

/** What a server says, by an alert (RFC 8446, section 6), of the certificate that a client shows, or does not show. */
const aboutTheClient = /certificate|unknown ca|access denied|decrypt error/

/** What keeps a command from an answer, and what to do about it, in sentences. */
export function explainNoAnswer (error: NodeJS.ErrnoException, called: Called): string {
  const { code = '', message } = error
  const { url, cert, key } = called
  if (code.startsWith('ERR_OSSL_')) {
    return `${cert} (CHANGEWELL_CALL_CERT) and ${key} (CHANGEWELL_CALL_KEY) cannot be used: ${afterColons(message)}. ` +
      'Name a certificate and the key that it was made with, both in PEM.'
  }
  const alert = alertOf(message)
  if (alert !== null) return ofHandshake(alert, called)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `The certificate of ${url} is for other names (${message}). Call the node by one of them with --url.`
  // All that OpenSSL can hold against a server's chain has such a code, and Node passes it on.
  if (/CERT|ISSUER|LEAF_SIGNATURE|INVALID_(CA|PURPOSE)/.test(code)) {
    return `The certificate of ${url} is not trusted (${message}). ${/EXPIRED|NOT_YET/.test(code)
      ? 'Renew it on the node, or correct the clock of this machine.'
      : 'Name the authority that has signed it with CHANGEWELL_CALL_CA.'}`
  }
  if (code === 'ECONNRESET') return ofHangUp(called)
  return `${url} does not answer (${message || code}). Name a node that runs with --url.`
}

function ofHandshake (alert: string, { url, cert }: Called): string {
  if (alert === 'wrong version number') return `${url} does not speak TLS. Name it with http:// in --url.`
  const asks = /certificate required|handshake failure/.test(alert)
  if (asks && cert === '') {
    return `${url} asks for a client certificate. Name one with CHANGEWELL_CALL_CERT, and its key with CHANGEWELL_CALL_KEY.`
  }
  if (asks || aboutTheClient.test(alert.replace('sslv3 alert ', ''))) return refused(`${url} refuses the certificate in ${cert} (${alert})`)
  return `${url} does not agree on TLS (${alert}). Name a node of this version with --url.`
}

/** A node ends a connection without an alert when it does not take the certificate that is shown. */
function ofHangUp ({ url, cert }: Called): string {
  if (!url.startsWith('https:')) return `${url} ended the connection without an answer. If it speaks HTTPS, name it with https:// in --url.`
  if (cert === '') return `${url} ended the connection without an answer. Try again, or name another node with --url.`
  return refused(`${url} ended the connection without an answer, as a node does that refuses the certificate in ${cert}`)
}

function refused (what: string): string {
  return `${what}. CHANGEWELL_CALL_CERT must name one for clients that is in force now, and that an authority of the node's ` +
    'CHANGEWELL_CLIENT_CA has signed.'
}

function afterColons (message: string): string {
  return message.slice(message.lastIndexOf(':') + 1)
}
