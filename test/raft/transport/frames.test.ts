import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { FrameError, frameHeadBytes, FrameReader, writeFrameHead } from '../../../plugins/raft/transport/frames.ts'

interface Frame {
  kind: number
  payload: Buffer
}

const frame = fc.record({
  kind: fc.nat({ max: 255 }),
  payload: fc.oneof(
    { weight: 3, arbitrary: fc.uint8Array({ maxLength: 20 }) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1000, maxLength: 5000, size: 'max' }) }
  ).map((bytes) => Buffer.from(bytes)),
})

t.test('frames come out as they went in, however the stream was cut', async (t) => {
  const cuts = fc.oneof(
    fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }),
    fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1 })
  )
  fc.assert(fc.property(fc.array(frame, { maxLength: 20 }), cuts, (frames, lengths) => {
    const seen: Frame[] = []
    const reader = new FrameReader(1_000_000, (kind, payload) => seen.push({ kind, payload }))
    const stream = Buffer.concat(frames.map(bytesOf))
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const end = at + lengths[turn % lengths.length]!
      // Each chunk is memory of its own, as from a socket.
      reader.push(Buffer.from(stream.subarray(at, end)))
      at = end
    }
    assert.equal(seen.length, frames.length)
    assert.ok(seen.every(({ kind, payload }, at) => kind === frames[at]!.kind && payload.equals(frames[at]!.payload)))
  }), { numRuns: 300 })
})

t.test('a frame that is within one chunk is not copied', async (t) => {
  const chunk = Buffer.concat([1, 2, 3].map((kind) => bytesOf({ kind, payload: Buffer.alloc(5000, kind) })))
  const reader = new FrameReader(1_000_000, (kind, payload) => {
    t.equal(payload.buffer, chunk.buffer)
    t.ok(payload.every((byte) => byte === kind))
  })
  reader.push(chunk)
})

t.test('a frame that is too long, or has no kind, is refused as soon as its length is known', async (t) => {
  for (const length of [0, 101, 0xffff_ffff]) {
    const head = Buffer.alloc(5)
    head.writeUInt32BE(length)
    const reader = new FrameReader(100, () => t.fail('no frame'))
    t.throws(() => reader.push(head), FrameError, `${length} in one chunk`)
    const slow = new FrameReader(100, () => t.fail('no frame'))
    for (const byte of head.subarray(0, 4)) slow.push(Buffer.from([byte]))
    t.throws(() => slow.push(head.subarray(4)), FrameError, `${length} byte by byte`)
  }
})

t.test('the longest frame is taken', async (t) => {
  let payloadBytes = -1
  const reader = new FrameReader(100, (_kind, payload) => { payloadBytes = payload.length })
  reader.push(bytesOf({ kind: 1, payload: Buffer.alloc(99) }))
  t.equal(payloadBytes, 99)
})

function bytesOf ({ kind, payload }: Frame): Buffer {
  const bytes = Buffer.alloc(frameHeadBytes + payload.length)
  writeFrameHead(bytes, 0, kind, payload.length)
  payload.copy(bytes, frameHeadBytes)
  return bytes
}
