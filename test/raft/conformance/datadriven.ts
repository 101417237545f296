/** One `key`, `key=value` or `key=(a,b)` of a command's line. */
export interface Argument {
  key: string
  values: readonly string[]
}

/** A command of a transcript, and what it is to print. */
export interface Command {
  name: string
  args: readonly Argument[]
  /** The lines between the command's and `----`. */
  input: string
  expected: string
  /** Where the command stands, from 1. */
  line: number
  /** The command's line, for people. */
  text: string
}

/**
 * Reads a transcript of the datadriven format: commands, each with its input, a line `----`, and the output up to a
 * blank line. An output with blank lines of its own stands between two pairs of `----`.
 *
 * @throws Error for a command that has no output
 */
export function parseTranscript (text: string): Command[] {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''))
  const commands: Command[] = []
  let at = 0
  while (at < lines.length) {
    const line = at + 1
    let head = lines[at++]!.trim()
    // Subtests only put a heading over commands.
    if (head === '' || head.startsWith('#') || head.startsWith('subtest')) continue
    while (head.endsWith('\\') && at < lines.length) head = `${head.slice(0, -1).trim()} ${lines[at++]!.trim()}`

    const separator = lines.indexOf('----', at)
    if (separator === -1) throw new Error(`line ${line}: the command has no output`)
    const input = lines.slice(at, separator).join('\n')
    const { expected, end } = readExpected(lines, separator + 1)
    at = end
    commands.push({ ...parseHead(head), input, expected, line, text: head })
  }
  return commands
}

/** The first argument without a value that follows the command's name, as a number. */
export function firstNumber ({ name, args }: Command): number {
  const number = Number(args[0]?.key)
  if (!Number.isInteger(number)) throw new Error(`${name} needs a number`)
  return number
}

/** All arguments without values, as numbers. */
export function plainNumbers ({ args }: Command): number[] {
  return args.filter(({ values }) => values.length === 0).map(({ key }) => Number(key))
}

export function option ({ args }: Command, key: string): string | undefined {
  return args.find((arg) => arg.key === key)?.values[0]
}

export function numbersOf ({ args }: Command, key: string): number[] {
  return args.filter((arg) => arg.key === key).flatMap(({ values }) => values.map(Number))
}

function readExpected (lines: string[], from: number): { expected: string, end: number } {
  if (lines[from] !== '----') {
    const blank = lines.findIndex((line, at) => at >= from && line.trim() === '')
    const end = blank === -1 ? lines.length : blank
    return { expected: lines.slice(from, end).join('\n'), end }
  }
  let end = from + 1
  while (end < lines.length && !(lines[end] === '----' && lines[end + 1] === '----')) end++
  return { expected: lines.slice(from + 1, end).join('\n'), end: end + 2 }
}

function parseHead (head: string): { name: string, args: Argument[] } {
  const [name, ...words] = head.match(/[^\s=]+(=(\([^)]*\)|\S*))?/g)!
  return { name: name!, args: words.map(parseArgument) }
}

function parseArgument (word: string): Argument {
  const equals = word.indexOf('=')
  if (equals === -1) return { key: word, values: [] }
  const value = word.slice(equals + 1)
  const inside = /^\((.*)\)$/.exec(value)?.[1]
  const values = inside === undefined ? [value] : inside.split(',').map((part) => part.trim()).filter(Boolean)
  return { key: word.slice(0, equals), values }
}
