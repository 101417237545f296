import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { parseEnvelope } from '../../plugins/json/envelope.ts'
import { Problem } from '../../storage/problem.ts'
import { RawJson } from '../../storage/raw-json.ts'
import { damaged, spelling } from './arbitraries.ts'

const depthMax = 50

/** All that parseEnvelope refuses and JSON.parse does not, apart from nesting, which has tests of its own. */
const stricter = [/^the member ".*" is there twice$/s, /^a surrogate escape must be one of a pair$/]

t.test('data comes back as its own bytes, without the white space between tokens', async () => {
  fc.assert(fc.property(spelling, spelling, fc.boolean(), ({ spaced, compact }, other, inBatch) => {
    const change = `{ "key" : "k", "data" : ${spaced} , "tags":["a"]}`
    const body = Buffer.from(inBatch ? `{"then":[ ${change}, {"data":${other.spaced}}] }` : change)
    const parsed = parseEnvelope(body, depthMax) as any
    const { data } = inBatch ? parsed.then[0] : parsed
    const second = inBatch ? parsed.then[1].data.bytes.toString() : other.compact
    return data instanceof RawJson && data.bytes.toString() === compact && second === other.compact
  }), { numRuns: 1000 })
})

t.test('data that has no white space is not copied out of a body of about its size', async () => {
  fc.assert(fc.property(spelling, ({ compact }) => {
    const body = Buffer.from(`{"data":${compact}}`)
    const { data } = parseEnvelope(body, depthMax) as { data: RawJson }
    return data.bytes.buffer === body.buffer
  }))
})

t.test('what JSON.parse accepts is read with the same values, unless it is refused for a reason of ours', async () => {
  fc.assert(fc.property(spelling, ({ spaced }) => agrees(spaced)), { numRuns: 1000 })
})

t.test('damaged JSON is refused exactly when JSON.parse refuses it, but for reasons of ours', async () => {
  fc.assert(fc.property(damaged, agrees), { numRuns: 1500 })
})

t.test('any text at all is refused exactly when JSON.parse refuses it', async () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), agrees))
})

t.test('data is refused exactly when JSON.parse refuses it', async () => {
  fc.assert(fc.property(damaged, text => {
    const body = `{"data":${text}}`
    const refusal = refusalOf(body)
    if (refusal === null) return isJson(body)
    // Damage can end the value early, and what follows is then members of the envelope, with its rules.
    return !isJson(body) || (!isJson(text) && isOurs(refusal))
  }), { numRuns: 1500 })
})

t.test('random bytes never fail with anything but a problem', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.tuple(spelling, fc.nat(), fc.nat({ max: 255 })).map(([{ spaced }, place, byte]) => {
      const body = Buffer.from(`{"data":${spaced},"then":[{"data":${spaced}}]}`)
      body[place % body.length] = byte
      return body
    })
  )
  fc.assert(fc.property(bytes, body => {
    const refusal = refusalOf(Buffer.from(body))
    return refusal === null || refusal.length > 0
  }), { numRuns: 1500 })
})

function agrees (text: string): boolean {
  const body = Buffer.from(text)
  // A lone surrogate cannot be encoded: it is U+FFFD in the body, so it must be in what JSON.parse gets.
  const encoded = body.toString()
  const refusal = refusalOf(body)
  if (refusal !== null) return !isJson(encoded) || isOurs(refusal)
  return isJson(encoded) && isDeepStrictEqual(plain(parseEnvelope(body, depthMax)), JSON.parse(encoded))
}

function isOurs (refusal: string): boolean {
  return stricter.some(reason => reason.test(refusal))
}

/** The reason of the refusal, or null. Anything but a Problem is thrown on. */
function refusalOf (body: Buffer | string): string | null {
  try {
    parseEnvelope(Buffer.from(body), depthMax)
    return null
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'INVALID_JSON') throw error
    const { reason, offset } = error.params as { reason: string, offset: number }
    if (!(offset >= 0 && offset <= Buffer.byteLength(body))) throw new Error(`offset ${offset} is not in the body`)
    return reason
  }
}

function isJson (text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The same value with what stayed opaque parsed by JSON.parse. */
function plain (value: unknown): unknown {
  if (value instanceof RawJson) return JSON.parse(value.bytes.toString())
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}
