import { Counter, type Registry } from 'prom-client'
import type { ReloadCounts } from './files.ts'

/** Requests that were refused, by the code that they were answered with. */
export type DeniedCounts = Record<'UNAUTHENTICATED' | 'FORBIDDEN' | 'TOO_MANY_ATTEMPTS', number>

/** Who was refused, and whether new files were taken. */
export function authMetrics (registry: Registry, denied: DeniedCounts, reloads: ReloadCounts): void {
  const registers = [registry]
  // eslint-disable-next-line no-new
  new Counter({
    name: 'changewell_auth_denied_total',
    help: 'Requests that were refused for who sent them, by code',
    labelNames: ['code'],
    registers,
    collect () {
      this.reset()
      for (const [code, count] of Object.entries(denied)) this.inc({ code }, count)
    },
  })
  // eslint-disable-next-line no-new
  new Counter({
    name: 'changewell_auth_reloads_total',
    help: 'Files of passwords, tokens and rights that were read again, by what they hold and whether they were taken',
    labelNames: ['file', 'result'],
    registers,
    collect () {
      this.reset()
      for (const [file, results] of Object.entries(reloads)) {
        for (const [result, count] of Object.entries(results)) this.inc({ file, result }, count)
      }
    },
  })
}
