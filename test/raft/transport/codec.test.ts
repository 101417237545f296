import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import type { Append } from '../../../plugins/raft/core/messages.ts'
import { BinaryReader, BinaryWriter } from '../../../storage/binary.ts'
import {
  decodeMessage, encodeMessage, messageBytesMax, readConfiguration, writeConfiguration, writeMessage,
} from '../../../plugins/raft/transport/codec.ts'
import { anyMessage, configuration, messages } from './messages.ts'

for (const [type, message] of Object.entries(messages)) {
  t.test(`what was encoded as ${type} is decoded as the same`, async (t) => {
    fc.assert(fc.property(message, (value) => {
      // fast-check makes objects without a prototype, which are not equal to others.
      assert.deepEqual(decodeMessage(encodeMessage(value)), structured(value))
    }), { numRuns: 50 })
  })
}

t.test('a message is written where it is to be, within the room that was said', async (t) => {
  fc.assert(fc.property(anyMessage, fc.nat({ max: 50 }), (message, at) => {
    const target = Buffer.alloc(at + messageBytesMax(message) + 10, 0xee)
    const end = writeMessage(message, target, at)
    assert.ok(end <= at + messageBytesMax(message))
    assert.deepEqual(decodeMessage(target.subarray(at, end)), structured(message))
    assert.ok(target.subarray(0, at).every((byte) => byte === 0xee), 'nothing before it')
    assert.ok(target.subarray(end).every((byte) => byte === 0xee), 'nothing after it')
  }), { numRuns: 300 })
})

t.test('a message that ends too early, or goes on, is refused', async (t) => {
  fc.assert(fc.property(anyMessage, fc.nat(), (message, random) => {
    const bytes = encodeMessage(message)
    assert.throws(() => decodeMessage(bytes.subarray(0, random % bytes.length)), RangeError)
    assert.throws(() => decodeMessage(Buffer.concat([bytes, Buffer.alloc(1 + random % 9)])), RangeError)
  }), { numRuns: 300 })
})

t.test('damaged bytes are refused, or are another message; nothing else happens', async (t) => {
  fc.assert(fc.property(anyMessage, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }),
    (message, damages) => {
      const bytes = Buffer.from(encodeMessage(message))
      for (const [at, value] of damages) bytes[at % bytes.length] = value
      assert.ok(isMessageOrRefused(bytes))
    }), { numRuns: 1000 })
})

t.test('any bytes at all are refused, or are a message', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 14 }), (noise, type) => {
    assert.ok(isMessageOrRefused(Buffer.from(noise)))
    assert.ok(isMessageOrRefused(Buffer.concat([Buffer.from([type]), noise])))
  }), { numRuns: 1000 })
})

t.test('a count that promises more than there is reserves nothing', async (t) => {
  const envelope = { from: '0'.repeat(16), to: '1'.repeat(16), term: 1 }
  const propose = Buffer.from(encodeMessage({ type: 'propose', ...envelope, entries: [] }))
  const append = Buffer.from(encodeMessage({ type: 'append', ...envelope, index: 1, logTerm: 1, commit: 1, entries: [] }))
  for (const bytes of [propose, append]) {
    for (const count of [0xffff_ffff, 30_000_000]) {
      bytes.writeUInt32BE(count, bytes.length - 4)
      const before = process.memoryUsage().heapUsed
      t.throws(() => decodeMessage(bytes), RangeError)
      t.ok(process.memoryUsage().heapUsed - before < 50_000_000)
    }
  }
})

t.test('numbers that no double holds exactly, and flags that are neither, are refused', async (t) => {
  const bytes = encodeMessage({
    type: 'append-response', from: '0'.repeat(16), to: '1'.repeat(16), term: 1, index: 1, reject: true, hint: 1, hintTerm: 1,
  })
  const number = Buffer.from(bytes)
  number.fill(0xff, 1, 9)
  t.throws(() => decodeMessage(number), /too large/)
  const flag = Buffer.from(bytes)
  flag[33] = 2
  t.throws(() => decodeMessage(flag), /flag/)
})

t.test('an id that is none is not written', async (t) => {
  for (const from of ['', 'abc', 'g'.repeat(16), '0'.repeat(15), '0'.repeat(17)]) {
    t.throws(() => encodeMessage({ type: 'timeout-now', from, to: '1'.repeat(16), term: 1 }), RangeError)
  }
})

t.test('a small message keeps no large chunk alive by the data of its entries', async (t) => {
  const message = encodeMessage({
    type: 'append',
    from: '0'.repeat(16),
    to: '1'.repeat(16),
    term: 1,
    index: 0,
    logTerm: 0,
    commit: 0,
    entries: [{ index: 1, term: 1, type: 0, data: Buffer.alloc(5000, 1) }],
  })
  for (const [chunkBytes, isCopy] of [[64 * 1024, true], [message.length, false], [30_000, false]] as const) {
    const chunk = Buffer.allocUnsafeSlow(chunkBytes)
    message.copy(chunk)
    const { entries } = decodeMessage(chunk.subarray(0, message.length)) as Append
    const { data } = entries[0]!
    t.equal(data.buffer !== chunk.buffer, isCopy, `in a chunk of ${chunkBytes}`)
    t.ok(data.equals(Buffer.alloc(5000, 1)))
  }
})

t.test('a configuration is read back as it was written', async (t) => {
  fc.assert(fc.property(configuration, (value) => {
    const out = new BinaryWriter()
    writeConfiguration(out, value)
    assert.deepEqual(readConfiguration(new BinaryReader(out.finish())), structured(value))
  }))
})

function isMessageOrRefused (bytes: Buffer): boolean {
  try {
    return typeof decodeMessage(bytes).type === 'string'
  } catch (error) {
    return error instanceof RangeError
  }
}

/** The same with ordinary objects. */
function structured (value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(structured)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, structured(field)]))
}
