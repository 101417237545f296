import { crc32c } from '@node-rs/crc32'
import fc from 'fast-check'
import t from 'tap'
import { checksumOf } from '../../storage/checksum.ts'
import { Database } from '../../storage/database.ts'
import { imageOf, readImage, type ImageError } from '../../storage/image.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import type { View } from '../../storage/store.ts'
import { beginning, write } from '../support/arbitrary-commands.ts'
import { allRows, applyAll, filled, imageChunks, streamed } from '../support/filled-database.ts'
import { MemoryStore } from '../support/memory-store.ts'
import { folder } from '../support/node.ts'

t.test('The header says what the image is of', async (t) => {
  const database = await filled(new MemoryStore(), 3)
  const { header } = await readImage(streamed(await imageChunks(database)))
  t.same(header, {
    version: 1,
    format: 1,
    clusterId: '0123456789abcdef',
    revision: 5,
    timestamp: '1970-01-01T00:00:01.006Z',
    index: 8,
    term: 3,
    configuration: { bytes: Buffer.from('bytes'), voters: ['n1'], learners: [] },
  })
})

t.test('Random databases come back out of their images as they were', async (t) => {
  const size = fc.integer({ min: 1, max: 3000 })
  await fc.assert(fc.asyncProperty(fc.array(write, { maxLength: 20 }), size, async (writes, size) => {
    const source = await Database.open(new MemoryStore())
    await applyAll(source, [beginning, ...writes])
    const target = await filled(new MemoryStore(), 2)
    await target.restore(streamed(cut(Buffer.concat(await imageChunks(source)), size)))
    const [expected, found] = await Promise.all([source, target].map(async ({ store, checksum, applied, revision }) => (
      JSON.stringify([await allRows(store), checksum, applied, revision, await checksumOf(await store.view())]))))
    if (expected !== found) throw new Error(`found ${found}, expected ${expected}`)
  }), { numRuns: 50 })
})

t.test('The same content gives the same bytes, in chunks of bounded size, whatever store it is in', async (t) => {
  const memory = await filled(new MemoryStore(), 1000)
  const rocks = await filled(await openRocksStore(folder(t)), 1000)
  t.teardown(() => rocks.close())
  const chunks = await imageChunks(memory)
  t.ok(Buffer.concat(chunks).equals(Buffer.concat(await imageChunks(rocks))))
  t.ok(Buffer.concat(chunks).equals(Buffer.concat(await imageChunks(memory))), 'a second time')
  t.ok(chunks.length > 5)
  t.ok(chunks.every(({ length }) => length < 80 * 1024))
})

t.test('An image is of one moment, whatever is written while it is read', async (t) => {
  const database = await filled(await openRocksStore(folder(t)), 500)
  t.teardown(() => database.close())
  const before = Buffer.concat(await imageChunks(database))
  const { chunks } = await imageOf(await database.store.view())
  const parts = [(await chunks.next()).value as Buffer]
  await applyAll(database, [{ ...beginning, then: [{ type: 'tenant-delete', tenant: 'a', recursive: true }] }])
  for await (const chunk of chunks) parts.push(chunk)
  t.ok(Buffer.concat(parts).equals(before))
})

t.test('The view is released when the image was read, is given up, or cannot be made', async (t) => {
  const store = new MemoryStore()
  await filled(store, 1000)
  const released: string[] = []
  const viewFor = async (name: string, broken = false): Promise<View> => {
    const view = await store.view()
    return {
      get: broken ? () => Promise.reject(new Error('broken')) : (family, key) => view.get(family, key),
      scan: (family, range) => view.scan(family, range),
      pieces: (family, range) => view.pieces(family, range),
      release: async () => { released.push(name) },
    }
  }
  for await (const chunk of (await imageOf(await viewFor('read'))).chunks) void chunk
  const { chunks } = await imageOf(await viewFor('given up'))
  await chunks.next()
  await chunks.return(null)
  await t.rejects(imageOf(await viewFor('broken', true)), { message: 'broken' })
  t.same(released, ['read', 'given up', 'broken'])
})

t.test('A byte that is changed anywhere is noticed', async (t) => {
  const image = Buffer.concat(await imageChunks(await filled(new MemoryStore(), 5)))
  for (let at = 0; at < image.length; at++) {
    const damaged = Buffer.from(image)
    damaged[at] = damaged[at]! ^ 1 << at % 8
    const error = await failureOf(damaged)
    if (error?.name !== 'ImageError') t.fail(`byte ${at} of ${image.length}: ${String(error)}`)
  }
  t.equal(await failureOf(image), null)
})

t.test('An image that ends anywhere but at its end is noticed, and one that goes on', async (t) => {
  const image = Buffer.concat(await imageChunks(await filled(new MemoryStore(), 5)))
  for (let length = 0; length < image.length; length++) {
    const error = await failureOf(image.subarray(0, length))
    if (error?.code !== 'IMAGE_TRUNCATED') t.fail(`${length} of ${image.length} bytes: ${String(error)}`)
  }
  t.match(await failureOf(Buffer.concat([image, Buffer.of(0)])), { code: 'IMAGE_DAMAGED', message: /follows its end/ })
  t.match(await failureOf(Buffer.from('{"dump":{}}\n')), { code: 'IMAGE_DAMAGED', message: /not an image/ })
})

t.test('Chunks left out, twice or in another order are noticed', async (t) => {
  const chunks = await imageChunks(await filled(new MemoryStore(), 1000))
  const [head, first, second, ...rest] = chunks as [Buffer, Buffer, Buffer]
  for (const others of [[second], [first, first, second], [second, first]]) {
    t.match(await failureOf(Buffer.concat([head, ...others, ...rest])), { code: 'IMAGE_DAMAGED' })
  }
})

t.test('No row comes out of a part that is damaged', async (t) => {
  const image = Buffer.concat(await imageChunks(await filled(new MemoryStore(), 1000)))
  const at = image.length >> 1
  image[at] = image[at]! ^ 1
  let bytes = 0
  const { rows } = await readImage(streamed(cut(image, 1000)))
  await t.rejects(async () => {
    for await (const some of rows) {
      for (const { key, value } of some) bytes += key.length + value.length
    }
  }, { code: 'IMAGE_DAMAGED' })
  t.ok(bytes > 0 && bytes < at)
})

t.test('An image of another version or format is refused with what to do', async (t) => {
  const image = Buffer.concat(await imageChunks(await filled(new MemoryStore(), 5)))
  for (const [from, to] of [['"version":1', '"version":2'], ['"format":1', '"format":9']] as const) {
    const other = Buffer.from(image.toString('latin1').replace(from, to), 'latin1')
    // The header's block is the first: after the magic its kind, its length, the header and the checksum.
    const end = 13 + other.readUInt32BE(9)
    other.writeUInt32BE(crc32c(other.subarray(0, end)), end)
    t.match(await failureOf(other), { code: 'IMAGE_VERSION', message: /Run the same release on all nodes/ })
  }
})

t.test('What the chunks come from is let go of, and its own error is told', async (t) => {
  const image = Buffer.concat(await imageChunks(await filled(new MemoryStore(), 1000)))
  let closed = 0
  async function * source (failsAt: number): AsyncGenerator<Buffer> {
    try {
      for (const [at, chunk] of [...cut(image, 1000)].entries()) {
        if (at === failsAt) throw new Error('the disk')
        yield chunk
      }
    } finally {
      closed++
    }
  }
  await t.rejects(readAll(source(20)), { message: 'the disk' })
  await readAll(source(-1))
  const { rows } = await readImage(source(-1))
  await rows.next()
  await rows.return(null)
  t.equal(closed, 3)
})

async function failureOf (image: Buffer): Promise<ImageError | null> {
  try {
    await readAll(streamed(cut(image, 700)))
    return null
  } catch (error) {
    return error as ImageError
  }
}

async function readAll (chunks: AsyncIterable<Buffer>): Promise<void> {
  const { rows } = await readImage(chunks)
  for await (const some of rows) void some
}

function * cut (bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
