import { variableName } from '../../app/read-settings.ts'

/** Settings as environment variables. */
export function environmentOf (config: object): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [variableName(name), String(value)]))
}
