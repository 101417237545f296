import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openChecked } from '../../discovery/checked-provider.ts'
import {
  DiscoveryError, type DiscoveryLogger, type OpenProvider, type Provider,
} from '../../discovery/provider.ts'

/** The settings that choose a provider, and all that one may be given. */
export interface DiscoverySettings {
  discovery: string
  discoveryOptions: string
  join: string
  kubernetesNamespace: string
  kubernetesSelector: string
  kubernetesPortName: string
  kubernetesLease: string
  kubernetesPod: string
  kubernetesServiceAccountDir: string
}

type Opener = (settings: DiscoverySettings, logger: DiscoveryLogger) => Promise<Provider>

/** Those that come with the program. Each is loaded when it is the one. */
const own: Record<string, Opener> = {
  raw: async ({ join }, logger) => (await import('../../discovery/raw.ts')).default({ settings: { join }, logger }),
  kubernetes: async (settings, logger) => (await import('../../discovery/kubernetes.ts')).default({
    settings: {
      namespace: settings.kubernetesNamespace,
      selector: settings.kubernetesSelector,
      portName: settings.kubernetesPortName,
      lease: settings.kubernetesLease,
      pod: settings.kubernetesPod,
      serviceAccountDir: settings.kubernetesServiceAccountDir,
    },
    logger,
  }),
}

/**
 * The provider that the settings name: one of the program's own, an installed package, or the path of a module.
 *
 * @throws DiscoveryError
 */
export async function openProvider (settings: DiscoverySettings, logger: DiscoveryLogger): Promise<Provider> {
  const { discovery: name, join } = settings
  if (name !== 'raw' && join !== '') {
    throw wrong(`CHANGEWELL_JOIN is ${join}, but CHANGEWELL_DISCOVERY is ${name}, which finds others by itself and asks nobody named ` +
      'there. Unset CHANGEWELL_JOIN, or unset CHANGEWELL_DISCOVERY to join those.')
  }
  if (Object.hasOwn(own, name)) return await openChecked(name, () => own[name]!(settings, logger))
  const open = await load(name)
  const options = optionsOf(settings.discoveryOptions)
  return await openChecked(name, () => open({ settings: options, logger }))
}

async function load (name: string): Promise<OpenProvider> {
  const isPath = /^\.{0,2}\//.test(name)
  let module: { default?: unknown }
  try {
    module = await import(isPath ? pathToFileURL(resolve(name)).href : name) as { default?: unknown }
  } catch (error) {
    throw wrong(`CHANGEWELL_DISCOVERY is ${name}, which cannot be loaded: ${(error as Error).message}. It must be ` +
      `${Object.keys(own).join(', ')}, the name of a package that is installed beside changewell (npm install ${isPath ? 'NAME' : name}), ` +
      'or the path of a module, beginning with / or ./.', error)
  }
  if (typeof module.default === 'function') return module.default as OpenProvider
  throw wrong(`CHANGEWELL_DISCOVERY is ${name}, whose default export is no function that opens a provider. ` +
    'See docs/operating/discovery.md for what it must be.')
}

function optionsOf (text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {}
  try {
    const options = JSON.parse(text) as unknown
    if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options as Record<string, unknown>
  } catch (error) {
    throw wrong(`CHANGEWELL_DISCOVERY_OPTIONS is not JSON: ${(error as Error).message}`, error)
  }
  throw wrong('CHANGEWELL_DISCOVERY_OPTIONS is not a JSON object, such as {"url":"http://127.0.0.1:8500"}')
}

function wrong (message: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('DISCOVERY_SETTINGS', message, { cause })
}
