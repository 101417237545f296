import { copyFileSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test, type Test } from 'tap'
import { encodeBlock, headerBytes } from '../../plugins/queue/blocks.ts'
import { QueueFile } from '../../plugins/queue/file.ts'
import { folder } from '../support/node.ts'

const text = (value: string): Buffer => Buffer.from(value)

function heldIn (file: QueueFile): Array<[number, string]> {
  return [...file.held].map(([number, bytes]) => [number, bytes.toString()])
}

/** What the file holds when it is opened again. */
async function reopened (path: string): Promise<Array<[number, string]>> {
  const file = await QueueFile.open(path)
  await file.close()
  return heldIn(file)
}

/** A file with three writes, each in a block of its own; then the first is forgotten. Tells where the blocks end. */
async function filled (t: Test): Promise<{ path: string, ends: number[] }> {
  const path = join(folder(t), 'queue')
  const file = await QueueFile.open(path)
  const ends: number[] = []
  for (const number of [1, 2, 3]) {
    await file.add(number, text(`write ${number}`))
    ends.push(statSync(path).size)
  }
  file.forget(1)
  await file.close()
  ends.push(statSync(path).size)
  return { path, ends }
}

test('What was added is there when the file is opened again, in order, and what was forgotten is not', async (t) => {
  const { path } = await filled(t)
  t.same(await reopened(path), [[2, 'write 2'], [3, 'write 3']])
})

test('The file agrees with a plain list, whatever is added, forgotten and opened again', async (t) => {
  let run = 0
  const root = folder(t)
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ add: fc.array(fc.nat({ max: 300_000 }), { minLength: 1, maxLength: 4 }) }) },
    { weight: 4, arbitrary: fc.record({ forget: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 1, arbitrary: fc.constant('open' as const) }
  )
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const path = join(root, String(run++))
    const list: Array<[number, number]> = []
    let file = await QueueFile.open(path)
    let next = 1
    for (const one of steps) {
      if (one === 'open') {
        await file.close()
        file = await QueueFile.open(path)
      } else if ('add' in one) {
        const added = one.add.map((length) => [next++, length] as [number, number])
        list.push(...added)
        await Promise.all(added.map(([number, length]) => file.add(number, Buffer.alloc(length, number))))
      } else {
        for (const [number] of list.splice(0, one.forget)) file.forget(number)
      }
    }
    await file.close()
    const again = await QueueFile.open(path)
    const found = [...again.held].map(([number, bytes]) => [number, bytes.length])
    await again.close()
    if (JSON.stringify(found) !== JSON.stringify(list)) throw new Error(`found ${JSON.stringify(found)}, expected ${JSON.stringify(list)}`)
    const held = list.reduce((sum, [, length]) => sum + length, 0)
    if (statSync(path).size > 3 * held + 3_000_000) throw new Error('what was forgotten still takes room')
  }), { numRuns: 40 })
})

test('A write of a block that was torn is cut off, wherever it was torn', async (t) => {
  const { path, ends } = await filled(t)
  const whole = readFileSync(path)
  for (let size = ends[1]!; size < ends[2]!; size++) {
    writeFileSync(path, whole.subarray(0, size))
    t.same(await reopened(path), [[1, 'write 1'], [2, 'write 2']], `cut to ${size}`)
    t.equal(statSync(path).size, ends[1])
  }
  // Bytes of one block may have reached the disk in any order.
  for (let at = ends[1]!; at < ends[2]!; at++) {
    const torn = Buffer.from(whole.subarray(0, ends[2]))
    torn[at] = torn[at]! ^ 0xff
    writeFileSync(path, torn)
    t.same(await reopened(path), [[1, 'write 1'], [2, 'write 2']], `byte ${at}`)
  }
  const file = await QueueFile.open(path)
  await file.add(3, text('another'))
  await file.close()
  t.same(await reopened(path), [[1, 'write 1'], [2, 'write 2'], [3, 'another']], 'and it goes on from there')
})

test('A block that is spoilt while whole ones follow is damage, and nothing is guessed', async (t) => {
  const { path, ends } = await filled(t)
  const whole = readFileSync(path)
  for (let at = 0; at < ends[0]!; at++) {
    const spoilt = Buffer.from(whole)
    spoilt[at] = spoilt[at]! ^ 0xff
    writeFileSync(path, spoilt)
    // Bytes by chance in the header are part of every checksum: with others nothing is whole.
    if (at >= 8 && at < headerBytes) continue
    await t.rejects(QueueFile.open(path), { code: 'QUEUE_DAMAGED', message: /Put the file back from a backup/ }, `byte ${at}`)
    t.same(readFileSync(path), spoilt, 'the file is left as it is')
  }
})

test('A client cannot write what looks like damage', async (t) => {
  const { path, ends } = await filled(t)
  const file = await QueueFile.open(path)
  await file.add(4, encodeBlock([{ kind: 'added', number: 5, bytes: text('forged') }], Buffer.alloc(headerBytes)))
  await file.close()
  const whole = readFileSync(path)
  writeFileSync(path, whole.subarray(0, -1))
  t.same(await reopened(path), [[2, 'write 2'], [3, 'write 3']])
  t.equal(statSync(path).size, ends[3])
})

test('A file that ended before its header was written is a new one', async (t) => {
  const { path } = await filled(t)
  const empty = join(folder(t), 'queue')
  copyFileSync(path, empty)
  writeFileSync(empty, readFileSync(path).subarray(0, headerBytes - 1))
  t.same(await reopened(empty), [])
})

test('Nothing is added to a file that is closed', async (t) => {
  const file = await QueueFile.open(join(folder(t), 'queue'))
  await file.close()
  await t.rejects(file.add(1, text('late')), /closed/)
})

test('Where the rest cannot be written anew, the queue goes on, and it is tried again', async (t) => {
  const path = join(folder(t), 'queue')
  const file = await QueueFile.open(path)
  const big = Buffer.alloc(1024 * 1024)
  // What cannot be opened as a file.
  mkdirSync(`${path}.new`)
  const pass = async (number: number): Promise<void> => {
    await file.add(number, big)
    file.forget(number)
    await file.add(number + 1, text('small'))
    file.forget(number + 1)
  }
  await pass(1)
  await pass(3)
  t.equal(file.failure, null)
  t.ok(statSync(path).size > 2 * big.length)
  rmdirSync(`${path}.new`)
  await pass(5)
  await file.close()
  t.ok(statSync(path).size < big.length)
  t.same(await reopened(path), [])
})
