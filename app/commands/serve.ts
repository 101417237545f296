import { lookup } from 'node:dns/promises'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { splitAddress } from '../../discovery/address.ts'
import { loadConfig, type Config } from '../config.ts'
import { buildLogger, isPretty } from '../logger.ts'
import { SettingsError } from '../read-settings.ts'
import { settingsTable } from '../settings-table.ts'
import { version } from '../version.ts'
import { explainStartFailure, ofPeers } from './start-failure.ts'
import { tryIt } from './try-it.ts'

/** Once all requests have ended or are cut off, the database is flushed; what hangs even then is killed. */
const flushMsMax = 20_000

export function help (): string {
  return `Usage: changewell serve

Runs a node until SIGTERM or SIGINT. Its settings are environment variables:

${settingsTable()}
`
}

/** `changewell serve`. Resolves to the exit code once the node listens, or did not start. */
export async function run (args: string[]): Promise<number> {
  if (args.length > 0) return failed(`serve takes no arguments, but was given ${args.join(' ')}; see changewell serve --help`, 2)
  let config: Config
  try {
    config = loadConfig()
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return failed(`${error.message}\nchangewell serve --help shows them all`, 2)
  }
  try {
    await start(config)
    return 0
  } catch (error) {
    const explanation = explainStartFailure(error, config)
    if (explanation === null) throw error
    // Whatever was opened before the failure ends with the process.
    process.exit(failed(explanation, 1))
  }
}

async function start (config: Config): Promise<void> {
  const hasChannel = process.connected
  // The server takes longest to load, so it waits for what is quick to refuse.
  const { buildServer } = await import('../server.ts')
  const logger = await buildLogger(config)
  const app = await buildServer(config, logger)
  // Where there is nothing to read again, a terminal that goes away ends the node, as it ends other programs.
  const { access, tls } = app
  const isOn = access.isOn || tls.credentials.length > 0
  if (isOn) process.on('SIGHUP', () => { void Promise.all([access.reload(), tls.reload()]) })
  const { close } = closeWithGrace({ delay: config.shutdownSeconds * 1000 + flushMsMax, logger, skip: isOn ? ['SIGHUP'] : [] }, async ({ signal, err }) => {
    if (err !== undefined) logger.fatal({ err }, 'an error that nobody handled; the node stops')
    else logger.info({ signal }, 'the node stops')
    await app.close()
  })
  if (hasChannel) whenParentIsGone(close)
  await listen(app, config)
}

/** For a node that another process of Node has started with a channel, as `changewell cluster` does. */
function whenParentIsGone (stop: () => void): void {
  if (process.connected) process.once('disconnect', stop)
  else stop()
}

/** Says where the node listens, where its data is and how to try it: as plain lines to a person, else in the log. */
async function listen (app: FastifyInstance, config: Config): Promise<void> {
  const level = app.log.level
  // Fastify logs each address that it listens on. A person gets one plain line for them all.
  if (isPretty(config)) app.log.level = 'warn'
  const listenTextResolver = (address: string) => `Changewell ${version} listens on ${address}`
  // By its name, Fastify would give localhost a second listener on ::1, for which nothing holds that is set for the
  // first: not its limits, not its answers to malformed requests; and it is closed last, when the storage is gone.
  const { address: host } = await lookup(config.host)
  const { address: peerHost } = await lookup(config.peerHost).catch(ofPeers)
  const { port: peerPort } = splitAddress(await app.raft.listen(peerHost, config.peerPort).catch(ofPeers))
  const address = await app.listen({ host, port: config.port, listenTextResolver })
  const more = await listenBeside(app, config, host)
  const { port } = app.server.address() as AddressInfo
  // It may wait for others for long; meanwhile the node says so to whoever asks.
  app.raft.appear({ peer: { host: peerHost, port: peerPort }, api: { host, port } }).catch(async (error: unknown) => {
    const explanation = explainStartFailure(error, config)
    if (explanation === null) app.log.fatal({ err: error }, 'this node cannot take part in its cluster')
    await app.close()
    process.exit(explanation === null ? 1 : failed(explanation, 1))
  })
  app.log.level = level
  const dataDir = resolve(config.dataDir)
  const { curl, url } = tryIt(address, app.tls.otherNameFor(new URL(address).hostname), config)
  const write = `${curl} -H 'content-type: application/json' -d '{"data":"hello"}' ${url}/changes`
  if (isPretty(config)) {
    process.stdout.write(`${[listenTextResolver(address), ...more].join('\n')}\nIts data is in ${dataDir}\n` +
      `Try it:  ${write}\n         ${curl} ${url}/changes\nRead on: ${address}/documentation\n`)
  } else {
    for (const line of more) app.log.info(line)
    app.log.info({ dataDir }, `its data is in ${dataDir}`)
    app.log.info(`try it: ${write}`)
  }
}

/** Opens the listeners that only some nodes have. Resolves to a line about each. */
async function listenBeside (app: FastifyInstance, config: Config, host: string): Promise<string[]> {
  const { httpHost, httpPort, healthPort } = config
  const lines: string[] = []
  if (httpPort !== null) {
    const { address } = await lookup(httpHost)
    lines.push(`Plain HTTP is spoken on ${await app.listeners.openPlain(address, httpPort)}`)
  }
  if (healthPort !== null) lines.push(`Its health is told on ${await app.listeners.openHealth(host, healthPort)}`)
  return lines
}

function failed (message: string, code: number): number {
  process.stderr.write(`changewell: ${message}\n`)
  return code
}
