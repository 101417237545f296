import { Counter, Gauge, type Registry } from 'prom-client'
import { subjectOf } from './certificates.ts'
import type { Credentials } from './credentials.ts'

/** How long certificates last, whether new ones were taken, and who did not get in. */
export function tlsMetrics (registry: Registry, all: readonly Credentials[]): void {
  const registers = [registry]
  // eslint-disable-next-line no-new
  new Gauge({
    name: 'changewell_tls_expiry_days',
    help: 'Days until a certificate expires, by what it is used for, kind and subject; negative when it has',
    labelNames: ['use', 'kind', 'subject'],
    registers,
    collect () {
      this.reset()
      const now = Date.now()
      // Of two with one subject, as while one takes the place of the other, the one that lasts longer.
      const days = new Map<string, { labels: { use: string, kind: string, subject: string }, value: number }>()
      for (const { use, certificates } of all) {
        for (const { kind, certificate } of certificates) {
          const labels = { use, kind, subject: subjectOf(certificate) }
          const value = (Date.parse(certificate.validTo) - now) / 86_400_000
          const name = JSON.stringify(labels)
          if (value > (days.get(name)?.value ?? -Infinity)) days.set(name, { labels, value })
        }
      }
      for (const { labels, value } of days.values()) this.set(labels, value)
    },
  })
  // eslint-disable-next-line no-new
  new Counter({
    name: 'changewell_tls_reloads_total',
    help: 'Certificates, keys and authorities that were read again, by what they are used for and whether they were taken',
    labelNames: ['use', 'result'],
    registers,
    collect () {
      this.reset()
      for (const { use, counts } of all) {
        for (const [result, count] of Object.entries(counts)) this.inc({ use, result }, count)
      }
    },
  })
  // eslint-disable-next-line no-new
  new Counter({
    name: 'changewell_tls_handshakes_failed_total',
    help: 'TLS handshakes that came to nothing, by what the listener is used for',
    labelNames: ['use'],
    registers,
    collect () {
      this.reset()
      for (const { use, failedHandshakes } of all) this.inc({ use }, failedHandshakes)
    },
  })
}
