/**
 * Reads settings from environment variables. env-schema is not used for it: Ajv's coercion lets `1e3` and ` 5` pass for
 * numbers, and it drops variables that no schema knows, so that a misspelt one would be a default in silence.
 */
export type Environment = Record<string, string | undefined>

/** What a TypeBox schema of a setting says, as far as reading and showing it goes. */
export interface Setting {
  type?: string
  enum?: readonly string[]
  default?: unknown
  minimum?: number
  maximum?: number
  unit?: string
  description?: string
}

export type Settings = Record<string, Setting>

/** Null for a number that is not set and has no default. */
export type Value = string | number | boolean | null

const prefix = 'CHANGEWELL_'

/** All that is wrong with the environment, one sentence a fault. */
export class SettingsError extends Error {
  readonly faults: readonly string[]

  constructor (faults: readonly string[]) {
    super(`the settings are wrong:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.name = 'SettingsError'
    this.faults = faults
  }
}

/** The environment variable of a setting: `dataDir` is CHANGEWELL_DATA_DIR. */
export function variableName (name: string): string {
  return prefix + name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}

/**
 * The values of all settings by name.
 *
 * @param others settings that are for something else: their variables may be there
 * @throws {SettingsError} with every fault
 */
export function readSettings (
  settings: Settings, environment: Environment, others: Settings = {}
): Record<string, Value> {
  const values: Record<string, Value> = {}
  const faults: string[] = []
  const known = new Set(Object.keys(others).map(variableName))
  for (const [name, setting] of Object.entries(settings)) {
    const variable = variableName(name)
    known.add(variable)
    const text = environment[variable]
    const value = text === undefined ? setting.default as Value : parse(setting, text)
    if (value === undefined) faults.push(`${variable} is ${JSON.stringify(text)}; it must be ${expected(setting)}`)
    else values[name] = value
  }
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith(prefix) || known.has(variable)) continue
    const meant = nearest(variable, known)
    faults.push(`${variable} is not a setting${meant === undefined ? '' : `; did you mean ${meant}?`}`)
  }
  if (faults.length > 0) throw new SettingsError(madeByKubernetes(environment) ? [...faults, kubernetesHint] : faults)
  return values
}

/** What a setting takes, in words: `a whole number from 0 to 65535`. */
export function expected (setting: Setting): string {
  if (setting.enum !== undefined) return `one of ${setting.enum.join(', ')}`
  if (setting.type === 'boolean') return 'true or false'
  if (setting.type === 'integer') return `a whole number from ${setting.minimum} to ${setting.maximum}`
  return setting.default === '' ? 'a text' : 'a text that is not empty'
}

function parse (setting: Setting, text: string): Value | undefined {
  if (setting.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined
  if (setting.enum !== undefined) return setting.enum.includes(text) ? text : undefined
  if (setting.type !== 'integer') return text.trim() !== '' || setting.default === '' ? text : undefined
  if (!/^(0|[1-9][0-9]*)$/.test(text)) return undefined
  const number = Number(text)
  return number >= setting.minimum! && number <= setting.maximum! ? number : undefined
}

const kubernetesHint = 'Kubernetes sets variables of this kind for a Service named changewell:' +
  ' give the pod enableServiceLinks: false'

function madeByKubernetes (environment: Environment): boolean {
  return environment.CHANGEWELL_SERVICE_HOST !== undefined || environment.CHANGEWELL_PORT?.startsWith('tcp:') === true
}

function nearest (variable: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  // A short name of which more than half differs is another name.
  let bestDistance = Math.min(4, Math.floor((variable.length - prefix.length) / 2) + 1)
  for (const candidate of known) {
    const distance = editDistance(variable, candidate)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** How many letters must be added, dropped or changed to make one text the other (Levenshtein). */
function editDistance (from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const change = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
