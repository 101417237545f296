import fc from 'fast-check'
import type { Test } from 'tap'
import { families } from '../../../storage/store.ts'
import { folder } from '../node.ts'
import { bytes, opened, putEverywhere, rows, valuesOf, write, type OpenStore } from './helpers.ts'
import { StoreModel, type Step } from './model.ts'

/** What closing, flushing and opening again do. */
export function endurance (t: Test, open: OpenStore): void {
  t.test('What was written is there when the store is opened again, flushed or not', async (t) => {
    const directory = folder(t)
    for (let round = 0; round < 6; round++) {
      const store = await open(directory)
      t.teardown(() => store.close())
      for (const family of families) {
        t.same(await rows(store, family), Array.from({ length: round }, (_, at) => `round${at}=${family}`))
      }
      await write(store, (batch) => {
        for (const family of families) {
          batch.put(family, bytes(`round${round}`), bytes(family))
          batch.put(family, bytes('x'), bytes('x'))
          batch.deleteRange(family, { start: bytes('x'), end: bytes('y') })
        }
      })
      if (round % 2 === 0) await store.flush()
      await store.close()
    }
  })

  t.test('Flushes and writes may run side by side', async (t) => {
    const store = await opened(t, open)
    await Promise.all([
      ...Array.from({ length: 5 }, () => store.flush()),
      ...Array.from({ length: 100 }, (_, number) => write(store, (batch) => putEverywhere(batch, number))),
    ])
    const values = await valuesOf(store, 'k')
    t.ok(values.every((value) => value?.equals(values[0]!)))
  })

  t.test('Closing waits for what is under way, and may be done twice', async (t) => {
    const store = await open(folder(t))
    const written = write(store, (batch) => batch.put('meta', bytes('k'), bytes('v')))
    const read = store.get('meta', bytes('none'))
    await store.close()
    await written
    t.equal(await read, null)
    await store.close()
  })

  t.test('Whatever is written, a store holds what a sorted map holds', async (t) => {
    const root = folder(t)
    let run = 0
    await fc.assert(fc.asyncProperty(StoreModel.steps, async (steps: Step[]) => {
      const directory = `${root}/${run++}`
      const model = new StoreModel()
      let store = await open(directory)
      try {
        for (const step of steps) {
          if (step === 'flush') await store.flush()
          else if (step === 'reopen') {
            await store.close()
            store = await open(directory)
          } else {
            model.write(step)
            await write(store, (batch) => {
              for (const operation of step) {
                if (operation.type === 'put') batch.put(operation.family, operation.key, operation.value)
                else if (operation.type === 'delete') batch.delete(operation.family, operation.key)
                else batch.deleteRange(operation.family, operation.range)
              }
            })
          }
        }
        for (const family of families) {
          const found = await rows(store, family)
          const expected = model.rows(family)
          if (found.join('\n') !== expected.join('\n')) throw new Error(`found ${found}, expected ${expected}`)
        }
      } finally {
        await store.close()
      }
    }), { numRuns: 30 })
    t.pass('30 runs')
  })
}
