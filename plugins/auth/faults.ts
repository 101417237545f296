/** One thing that is wrong with a file, and what to do about it. */
export interface Fault {
  /** From 1; 0 for the file as a whole. */
  line: number
  /** A clause that can stand after a colon, without its full stop. */
  reason: string
}

/** What a file says, as far as it could be read; with any fault it is not to be used. */
export interface Parsed<Value> {
  value: Value
  faults: Fault[]
}

/** All that is wrong with the files that say who may do what. The message tells the operator everything. */
export class AuthFilesError extends Error {
  /** For whoever explains why a node does not start. */
  readonly code = 'AUTH_FILES'

  constructor (lines: readonly string[]) {
    super(`It is not clear who may do what:\n${lines.map((line) => `  ${line}`).join('\n')}`)
    this.name = 'AuthFilesError'
  }
}

/** The lines of a file of credentials that say something, with their numbers; `#` begins a comment. */
export function * entriesOf (text: string): Generator<{ line: number, entry: string }> {
  let line = 0
  for (const raw of text.split('\n')) {
    line++
    const entry = raw.trim()
    if (entry !== '' && !entry.startsWith('#')) yield { line, entry }
  }
}

/** Why a name cannot be an identity's, or null. */
export function identityFault (name: string): string | null {
  if (name === '') return 'the name is empty'
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'the name has control characters'
  return name.length > 256 ? 'the name is longer than 256 characters' : null
}
