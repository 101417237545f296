import { clientSettings, settings } from './config.ts'
import { expected, variableName, type Setting, type Settings } from './read-settings.ts'

interface Line {
  variable: string
  value: string
  takes: string
  meaning: string
}

/** All settings as lines of text, for `changewell serve --help`. */
export function settingsTable (): string {
  const lines = [{ variable: 'VARIABLE', value: 'DEFAULT', takes: '', meaning: 'MEANING' }, ...linesOf(settings)]
  const variableWidth = Math.max(...lines.map((line) => line.variable.length))
  const valueWidth = Math.max(...lines.map((line) => line.value.length))
  return lines.map(({ variable, value, takes, meaning }) =>
    `  ${variable.padEnd(variableWidth)}  ${value.padEnd(valueWidth)}  ${meaning}${inBrackets(takes)}`).join('\n')
}

/** All settings as the page docs/reference/settings.md. */
export function settingsPage (): string {
  return [
    '# Settings',
    '',
    'A node reads its settings from environment variables when it starts. A wrong value, or a variable that begins with',
    '`CHANGEWELL_` and is none of these, stops the start with a list of everything that is wrong. Numbers are plain whole',
    'numbers in the unit that their row names.',
    '',
    ...tableOf(settings),
    '',
    '## Of commands',
    '',
    'What is called with a node\'s address, as `changewell member` is, reads these.',
    '',
    ...tableOf(clientSettings),
    '',
    'This page is made from `app/config.ts` by `npm run docs`.',
    '',
  ].join('\n')
}

function tableOf (which: Settings): string[] {
  return [
    '| variable | default | takes | meaning |',
    '| --- | --- | --- | --- |',
    ...linesOf(which).map(({ variable, value, takes, meaning }) => `| \`${variable}\` | ${value} | ${takes} | ${meaning} |`),
  ]
}

/** Of a number its range, of a choice what there is to choose from; of a text there is nothing to say. */
function inBrackets (takes: string): string {
  const said = takes.replace(/^(a whole number|one of) /, '')
  return said === takes ? '' : ` (${said})`
}

function linesOf (which: Settings): Line[] {
  return Object.entries<Setting>(which).map(([name, setting]) => ({
    variable: variableName(name),
    value: shown(setting),
    takes: expected(setting),
    meaning: setting.description ?? '',
  }))
}

function shown (setting: Setting): string {
  if (setting.default === '' || setting.default === null) return 'none'
  if (setting.unit === undefined) return String(setting.default)
  if (setting.unit !== 'bytes') return `${setting.default} ${setting.unit}`
  const value = Number(setting.default)
  if (value < 1024 || value % 1024 !== 0) return `${value} bytes`
  return value % 1024 ** 2 === 0 ? `${value} (${value / 1024 ** 2} MiB)` : `${value} (${value / 1024} KiB)`
}
