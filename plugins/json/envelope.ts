import { isUtf8 } from 'node:buffer'
import { Problem } from '../../storage/problem.ts'
import { closerOf, readOpaque } from './opaque.ts'
import { closeBrace, closeBracket, endOfBody, openBrace, openBracket, Scanner } from './scanner.ts'
import { ValueReader } from './values.ts'

/** A container whose end has not come yet. */
interface Level {
  container: unknown[] | Record<string, unknown>
  closer: number
  /** The member whose value comes next; empty in an array. */
  name: string
}

/**
 * Parses a request body (RFC 8259, strictly) into plain values, but for the members called `data` of the outermost
 * object and of the objects in arrays that are its members: those become a RawJson each, their bytes as they came.
 *
 * Stricter than JSON.parse in what becomes plain values: no member twice, no lone surrogate. `__proto__` becomes a
 * member like any other. `depthMax` is how many levels of brackets may be open at once; each `data` counts anew.
 *
 * Throws INVALID_JSON with the offset in bytes.
 */
export function parseEnvelope (body: Buffer, depthMax: number): unknown {
  refuseBadText(body)
  const scanner = new Scanner(body)
  const value = parseValue(scanner, depthMax)
  if (scanner.next() !== endOfBody) scanner.fail('expected nothing after the value')
  return value
}

/** Not recursive: a text can nest deeper than the stack is. */
function parseValue (scanner: Scanner, depthMax: number): unknown {
  const values = new ValueReader(scanner)
  const levels: Level[] = []
  for (;;) {
    const first = scanner.next()
    let value: unknown
    if (isDataNext(levels)) {
      value = readOpaque(scanner, depthMax)
    } else if (first === openBrace || first === openBracket) {
      if (levels.length === depthMax) scanner.fail(`nested deeper than ${depthMax} levels (CHANGEWELL_JSON_DEPTH_MAX)`)
      const level: Level = { container: first === openBrace ? {} : [], closer: closerOf(first), name: '' }
      if (scanner.enter(level.closer)) {
        levels.push(level)
        readName(scanner, values, level)
        continue
      }
      value = level.container
    } else {
      value = values.scalar(first)
    }
    // The value is whole, and perhaps the last one of the containers around it.
    for (;;) {
      const level = levels[levels.length - 1]
      if (level === undefined) return value
      add(level, value)
      if (scanner.more(level.closer)) {
        readName(scanner, values, level)
        break
      }
      value = level.container
      levels.pop()
    }
  }
}

/** Whether the next value is that of a member `data` which stays opaque. */
function isDataNext (levels: Level[]): boolean {
  const depth = levels.length
  if (depth !== 1 && depth !== 3) return false
  if (levels[depth - 1]!.name !== 'data') return false
  return depth === 1 || (levels[0]!.closer === closeBrace && levels[1]!.closer === closeBracket)
}

function readName (scanner: Scanner, values: ValueReader, level: Level): void {
  if (level.closer !== closeBrace) return
  scanner.next()
  const start = scanner.at
  const name = values.memberName()
  if (Object.hasOwn(level.container, name)) {
    scanner.fail(`the member ${JSON.stringify(name.slice(0, 64))} is there twice`, start)
  }
  scanner.colon()
  level.name = name
}

function add ({ container, name }: Level, value: unknown): void {
  if (Array.isArray(container)) {
    container.push(value)
  } else if (name === '__proto__') {
    // A plain assignment would set the object's prototype instead of making a member that a schema can refuse.
    Object.defineProperty(container, name, { value, writable: true, enumerable: true, configurable: true })
  } else {
    container[name] = value
  }
}

function refuseBadText (body: Buffer): void {
  if (body.length === 0) throw new Problem('INVALID_JSON', { reason: 'the body is empty', offset: 0 })
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) {
    throw new Problem('INVALID_JSON', { reason: 'a byte order mark must not stand before the value', offset: 0 })
  }
  if (!isUtf8(body)) {
    throw new Problem('INVALID_JSON', { reason: 'the body is not valid UTF-8', offset: badUtf8Offset(body) })
  }
}

/** The first byte that does not survive being decoded and encoded again. */
function badUtf8Offset (body: Buffer): number {
  const replaced = Buffer.from(body.toString('utf8'))
  let at = 0
  while (body[at] === replaced[at]) at++
  return at
}
