import fc from 'fast-check'
import { test } from 'tap'
import { modes } from '../../plugins/locks/modes.ts'
import { LockTable, type Hold, type Lock } from '../../plugins/locks/table.ts'
import { LockModel, placesAround } from './model.ts'

const name = fc.constantFrom('a', 'b')

/** Few names, so that places meet; a collection may be called as a tenant or a key is. */
const place: fc.Arbitrary<Omit<Lock, 'mode'>> = fc.oneof(
  fc.record({ tenant: fc.array(name, { minLength: 1, maxLength: 3 }) }),
  fc.record({ tenant: fc.array(name, { minLength: 1, maxLength: 2 }), collection: name }),
  fc.record({ tenant: fc.array(name, { minLength: 1, maxLength: 2 }), collection: name, key: name })
)

const lock: fc.Arbitrary<Lock> = fc.tuple(place, fc.constantFrom(...Object.values(modes)))
  .map(([where, mode]) => ({ ...where, mode }))

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ enter: fc.array(lock, { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ leave: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ leaveInTheCall: fc.nat() }) }
)

class Player {
  readonly table = new LockTable<number>()
  readonly model = new LockModel()
  readonly holds = new Map<number, Hold<number>>()
  readonly granted = new Set<number>()
  /** Whoever is granted as this one leaves at once, from within the call. */
  leavesInTheCall = false
  #id = 0

  enter (locks: Lock[]): void {
    const id = this.#id++
    const hold = this.table.enter(locks, id, () => {
      if (this.granted.has(id)) throw new Error(`${id} was granted twice`)
      this.granted.add(id)
      if (this.leavesInTheCall) this.leave(id)
    })
    this.holds.set(id, hold)
    this.model.enter({ id, locks })
    if (hold.blocked === 0) this.granted.add(id)
  }

  leave (id: number): void {
    const hold = this.holds.get(id)!
    this.holds.delete(id)
    this.granted.delete(id)
    this.model.leave(id)
    this.table.leave(hold)
    // A second time it means nothing.
    this.table.leave(hold)
  }
}

test('Whoever comes and goes, the same are granted as by the plain model, at once', (t) => {
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const player = new Player()
    for (const each of steps) {
      const ids = [...player.holds.keys()]
      if ('enter' in each) player.enter(each.enter)
      else if (ids.length > 0) {
        player.leavesInTheCall = 'leaveInTheCall' in each
        player.leave(ids[('leave' in each ? each.leave : each.leaveInTheCall) % ids.length]!)
      }
      const granted = [...player.granted].sort((a, b) => a - b)
      if (String(granted) !== String(player.model.granted)) {
        throw new Error(`granted are ${String(granted)}, and should be ${String(player.model.granted)}`)
      }
      for (const [id, hold] of player.holds) if ((hold.blocked === 0) !== player.granted.has(id)) throw new Error(`${id} is not told`)
    }
  }), { numRuns: 2000 })
  t.end()
})

test('What is shown is who is where, and who waits where, in the order in which they came', (t) => {
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    const player = new Player()
    for (const each of steps) {
      const ids = [...player.holds.keys()]
      if ('enter' in each) player.enter(each.enter)
      else if (ids.length > 0) player.leave(ids[('leave' in each ? each.leave : each.leaveInTheCall) % ids.length]!)
    }
    const ids = (those: { owner: number }[]): number[] => those.map(({ owner }) => owner)
    const shown = Object.fromEntries(player.table.places().map(({ place: where, holders, waiters }) => (
      [placesAround(where).at(-1)!, { holders: ids(holders), waiters: ids(waiters) }])))
    const sorted = (places: object): string => JSON.stringify(Object.entries(places).sort(([a], [b]) => a < b ? -1 : 1))
    const [seen, expected] = [sorted(shown), sorted(player.model.places)]
    if (seen !== expected) throw new Error(`${seen} should be ${expected}`)
  }), { numRuns: 1000 })
  t.end()
})

const several = fc.array(fc.array(lock, { minLength: 1, maxLength: 3 }), { maxLength: 30 })

test('Everybody is granted what they wait for once those before them have gone, and then nothing is left', (t) => {
  fc.assert(fc.property(several, fc.nat(), (all, seed) => {
    const player = new Player()
    for (const locks of all) player.enter(locks)
    for (let left = all.length, at = seed; left > 0; left--, at += seed) {
      const granted = [...player.granted]
      if (granted.length === 0) throw new Error('somebody waits, and nobody is there to be waited for')
      player.leave(granted[at % granted.length]!)
    }
    if (player.table.nodes !== 0 || player.table.size !== 0) throw new Error(`${player.table.nodes} places are left`)
  }), { numRuns: 1000 })
  t.end()
})

test('Nobody is overtaken by those who came later and want the same, and others pass', (t) => {
  const table = new LockTable<string>()
  const order: string[] = []
  const enter = (owner: string, ...locks: Lock[]): Hold<string> => {
    const hold = table.enter(locks, owner, () => { order.push(owner) })
    if (hold.blocked === 0) order.push(owner)
    return hold
  }
  const key = (collection: string, name: string, mode: Lock['mode'] = modes.X): Lock => ({ tenant: ['coke'], collection, key: name, mode })
  const first = enter('writer', key('c', 'k'))
  const deletion = enter('deletion of the collection', { tenant: ['coke'], collection: 'c', mode: modes.X })
  const late = enter('late writer', key('c', 'other'))
  const reader = enter('late reader', key('c', 'k', modes.S))
  enter('writer elsewhere', key('d', 'k'))
  enter('writer of another tenant', { ...key('c', 'k'), tenant: ['coke', 'below'] })
  t.same(order.splice(0), ['writer', 'writer elsewhere', 'writer of another tenant'])
  table.leave(first)
  t.same(order.splice(0), ['deletion of the collection'])
  table.leave(deletion)
  t.same(order.splice(0), ['late writer', 'late reader'], 'both at once')
  enter('rename', { tenant: ['coke'], mode: modes.X })
  table.leave(late)
  table.leave(reader)
  t.same(order, [], 'those below the tenant are in the way')
  t.same(table.places().find(({ place: { tenant, collection } }) => tenant.length === 1 && collection === undefined), {
    place: { tenant: ['coke'] },
    holders: [{ owner: 'writer elsewhere', modes: modes.IX }, { owner: 'writer of another tenant', modes: modes.IX }],
    waiters: [{ owner: 'rename', modes: modes.X }],
  })
  t.end()
})
