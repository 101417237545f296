import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { issue, type CertificateRequest, type Issued } from '../../app/certificates/issue.ts'
import type { Config } from '../../app/config.ts'
import { folder } from './node.ts'

const dayMs = 86_400_000

/** So many days from now on, or before. */
export function days (count: number): Date {
  return new Date(Date.now() + count * dayMs)
}

export type Wish = Partial<CertificateRequest>

const yesterday = (): Date => days(-1)

export function authority (commonName = 'Test CA', wish: Wish = {}, above: Issued | null = null): Issued {
  return issue({ commonName, isAuthority: true, notBefore: yesterday(), notAfter: days(90), ...wish }, above)
}

/** A certificate for this machine, good for everything unless something else is wished. */
export function leaf (above: Issued | null, wish: Wish = {}): Issued {
  return issue({
    commonName: 'node',
    names: ['localhost', '127.0.0.1'],
    usages: ['serverAuth', 'clientAuth'],
    notBefore: yesterday(),
    notAfter: days(60),
    ...wish,
  }, above)
}

/** Puts certificates and keys into files, which go when the test ends. */
export class PemFolder {
  readonly directory: string

  constructor (t: Test) {
    this.directory = folder(t)
  }

  write (name: string, text: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }

  /** The settings of a node whose peers trust the authorities. */
  peers (own: Issued, authorities: readonly Issued[], name = 'peer'): Pick<Config, 'peerTlsCert' | 'peerTlsKey' | 'peerTlsCa'> {
    return {
      peerTlsCert: this.write(`${name}.pem`, own.certificate),
      peerTlsKey: this.write(`${name}.key`, own.key),
      peerTlsCa: this.write(`${name}-ca.pem`, joined(authorities)),
    }
  }

  /** The settings of a node that speaks HTTPS. */
  server (own: Issued): Pick<Config, 'tlsCert' | 'tlsKey'> {
    return { tlsCert: this.write('server.pem', own.certificate), tlsKey: this.write('server.key', own.key) }
  }

  clients (authorities: readonly Issued[], clientAuth: 'optional' | 'required'): Pick<Config, 'clientCa' | 'clientAuth'> {
    return { clientCa: this.write('client-ca.pem', joined(authorities)), clientAuth }
  }
}

/** One PEM text of several certificates. */
export function joined (issued: readonly Issued[]): string {
  return issued.map(({ certificate }) => certificate).join('')
}
