import { pino, stdTimeFunctions, type Logger } from 'pino'
import type { Config } from './config.ts'

/** Whether the log is for a person at a terminal rather than for a machine. */
export function isPretty ({ logFormat }: Pick<Config, 'logFormat'>): boolean {
  return logFormat === 'pretty' || (logFormat === 'auto' && process.stdout.isTTY === true)
}

/** The log of the process, on its standard output. */
export async function buildLogger (config: Pick<Config, 'logLevel' | 'logFormat'>): Promise<Logger> {
  const options = {
    level: config.logLevel,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
  }
  if (!isPretty(config)) return pino(options)
  // Loaded only where it is used; in this process rather than in a thread, so that no line is lost when it ends.
  const { default: pretty } = await import('pino-pretty')
  return pino(options, pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }))
}
