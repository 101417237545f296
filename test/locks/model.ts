import { modes, type Mode } from '../../plugins/locks/modes.ts'
import type { Lock } from '../../plugins/locks/table.ts'

/** Which modes two owners may have of one place at a time: the table of the textbooks. */
const together: Record<Mode, readonly Mode[]> = {
  [modes.IS]: [modes.IS, modes.IX, modes.S],
  [modes.IX]: [modes.IS, modes.IX],
  [modes.S]: [modes.IS, modes.S],
  [modes.X]: [],
}

export interface ModelHold {
  id: number
  locks: readonly Lock[]
}

/**
 * Locks, as plainly as can be: a list in the order of arrival. A hold is granted when nobody before it in the list
 * wants what cannot stand beside what it wants itself.
 */
export class LockModel {
  #holds: ModelHold[] = []

  enter (hold: ModelHold): void {
    this.#holds.push(hold)
  }

  leave (id: number): void {
    this.#holds = this.#holds.filter((hold) => hold.id !== id)
  }

  /** Ids of those that are granted. */
  get granted (): number[] {
    return this.#holds.filter((hold, at) => (
      this.#holds.slice(0, at).every((before) => !areAgainst(before.locks, hold.locks)))).map(({ id }) => id)
  }

  /** Of each place, by its name: who is there, and who waits there, in the order of arrival. */
  get places (): Record<string, { holders: number[], waiters: number[] }> {
    const places: Record<string, { holders: number[], waiters: number[] }> = {}
    const there = this.#holds.flatMap(({ id, locks }) => wantedOf(locks).map((wanted) => ({ id, ...wanted })))
    for (const [at, { id, place, mode }] of there.entries()) {
      const mine = there.filter((one) => one.id === id && one.place === place)
      if (mine[0]!.mode !== mode || there.findIndex((one) => one.id === id && one.place === place) !== at) continue
      const before = there.slice(0, at).filter((one) => one.id !== id && one.place === place)
      const isFree = before.every((one) => mine.every((wanted) => together[one.mode].includes(wanted.mode)))
      const seen = places[place] ??= { holders: [], waiters: [] }
      seen[isFree ? 'holders' : 'waiters'].push(id)
    }
    return places
  }
}

function areAgainst (some: readonly Lock[], others: readonly Lock[]): boolean {
  return wantedOf(some).some((one) => wantedOf(others).some((other) => (
    one.place === other.place && !together[one.mode].includes(other.mode))))
}

/** The place of each lock and all the places around it, each by a name. */
function wantedOf (locks: readonly Lock[]): { place: string, mode: Mode }[] {
  return locks.flatMap(({ mode, ...place }) => {
    const around = placesAround(place)
    return around.map((name, at) => ({ place: name, mode: at === around.length - 1 ? mode : intention(mode) }))
  })
}

/** From the outermost tenant to the place itself. */
export function placesAround ({ tenant, collection, key }: Omit<Lock, 'mode'>): string[] {
  const tenants = tenant.map((_, at) => tenant.slice(0, at + 1).join('/'))
  const name = tenants.at(-1)!
  return [
    ...tenants,
    ...(collection === undefined ? [] : [`${name} ${collection}`]),
    ...(key === undefined ? [] : [`${name} ${collection!} ${key}`]),
  ]
}

function intention (mode: Mode): Mode {
  return mode === modes.IS || mode === modes.S ? modes.IS : modes.IX
}
