import t from 'tap'
import { Gathering } from '../../storage/gathering.ts'
import type { RowOperation } from '../../storage/store.ts'

const put = (name: string): RowOperation => ({ family: 'entries', key: Buffer.from(name), value: Buffer.from(name) })

/** A store that notes what each write brings, and ends it when it is told to. */
class SlowStore {
  readonly writes: string[][] = []
  readonly #ends: Array<{ resolve: () => void, reject: (error: Error) => void }> = []
  readonly gathering = new Gathering((operations) => {
    this.writes.push(operations.map((operation) => 'key' in operation ? operation.key.toString() : 'range'))
    return new Promise((resolve, reject) => { this.#ends.push({ resolve, reject }) })
  })

  end (): void {
    this.#ends.shift()!.resolve()
  }

  fail (error: Error): void {
    this.#ends.shift()!.reject(error)
  }

  /** Resolves when so many writes have begun. */
  async begun (count: number): Promise<void> {
    while (this.writes.length < count) await new Promise((resolve) => { setImmediate(resolve) })
  }
}

t.test('Lazy batches that come one after another are one write, in their order', async (t) => {
  const store = new SlowStore()
  const all = ['a', 'b', 'c'].map((name) => store.gathering.add([put(name)], true))
  await store.begun(1)
  store.end()
  await Promise.all(all)
  t.same(store.writes, [['a', 'b', 'c']])
  t.equal(store.gathering.forReader(), null, 'a read need not wait')
})

t.test('A read has what it waits for begun, and waits for no more than that', async (t) => {
  const store = new SlowStore()
  void store.gathering.add([put('a')], true)
  const read = store.gathering.forReader()!
  await store.begun(1)
  void store.gathering.add([put('b')], true)
  store.end()
  await read
  t.same(store.writes[0], ['a'])
  await store.begun(2)
  t.same(store.writes, [['a'], ['b']], 'and while somebody reads nothing is lazy')
  store.end()
})

t.test('What comes while a write is on its way is the next one, whole', async (t) => {
  const store = new SlowStore()
  const first = store.gathering.add([put('a')], false)
  await store.begun(1)
  const others = Promise.all(['b', 'c'].map((name) => store.gathering.add([put(name)], false)))
  store.end()
  await first
  await store.begun(2)
  t.same(store.writes, [['a'], ['b', 'c']])
  store.end()
  await others
})

t.test('So many operations that they are worth a write do not wait', async (t) => {
  const store = new SlowStore()
  const many = store.gathering.add(Array.from({ length: 600 }, (_, at) => put(`${at}`)), true)
  await store.begun(1)
  store.end()
  await many
  t.equal(store.writes[0]!.length, 600)
})

t.test('After a failure nothing is written any more, and readers hear of it', async (t) => {
  const store = new SlowStore()
  const first = store.gathering.add([put('a')], false)
  await store.begun(1)
  const second = store.gathering.add([put('b')], false)
  const failure = new Error('the disk is gone')
  store.fail(failure)
  for (const rejected of [first, second]) await t.rejects(rejected, failure)
  await t.rejects(store.gathering.add([put('c')], true), failure)
  await t.rejects(store.gathering.forReader()!, failure)
  t.same(store.writes, [['a']])
})
