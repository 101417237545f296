import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { DiscoveryError } from '../../discovery/provider.ts'
import { Discovery } from './discovery.ts'
import { openProvider } from './open-provider.ts'
import { readOverride } from './override.ts'

declare module 'fastify' {
  interface FastifyInstance {
    discovery: Discovery
  }
}

/** Opens the provider that CHANGEWELL_DISCOVERY names, and nothing of the others. */
async function discovery (app: FastifyInstance): Promise<void> {
  const { config } = app
  const override = readOverride(config.advertise)
  const provider = await openProvider(config, app.log)
  if (config.removeGoneSeconds > 0 && provider.isGone === undefined) {
    await provider.close()
    throw new DiscoveryError('DISCOVERY_SETTINGS', `CHANGEWELL_REMOVE_GONE_SECONDS is ${config.removeGoneSeconds}, but discovery ` +
      `by ${provider.name} cannot know that a node is gone for good. Leave it out, and remove members with changewell member remove.`)
  }
  const discovery = new Discovery({ provider, override, logger: app.log })
  app.decorate('discovery', discovery)
  app.addHook('onClose', () => discovery.close())
}

export default fp(discovery, { name: 'discovery', fastify: '5.x' })
