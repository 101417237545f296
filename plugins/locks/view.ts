import { Type, type Static } from 'typebox'
import { modeNames, nameOf } from './modes.ts'
import type { Owner } from './manager.ts'
import type { LockedPlace } from './table.ts'

const ages = { request: Type.String({ description: 'The id of the request, as in the log and in X-Request-Id.' }) }

const mode = Type.Enum(modeNames, { description: 'S: shared; X: exclusive; IS, IX: that of something inside; SIX: S and IX.' })

const place = Type.Object({
  tenant: Type.String(),
  collection: Type.Optional(Type.String()),
  key: Type.Optional(Type.String()),
  holders: Type.Array(Type.Object({
    ...ages, mode, ageMs: Type.Integer({ description: 'Since the request came to its locks.' }),
  })),
  waiters: Type.Array(Type.Object({ ...ages, mode, ageMs: Type.Integer() }), { description: 'In the order in which they come next.' }),
})

export const locksReply = Type.Object({
  leader: Type.String({ description: 'The node whose locks these are.' }),
  held: Type.Integer({ description: 'Writes that hold their locks.' }),
  waiting: Type.Integer({ description: 'Writes that wait for theirs.' }),
  places: Type.Array(place, { description: 'Those with most waiters first, then the oldest.' }),
  more: Type.Boolean({ description: 'There are more places than were asked for.' }),
})

type Place = Static<typeof place>

/** What is shown of the places, at most so many. `now` is of the clock that the owners have. */
export function placesShown (places: LockedPlace<Owner>[], now: number, limit: number): Place[] {
  // Sorting keeps the order of age where as many wait.
  return [...places].sort((a, b) => b.waiters.length - a.waiters.length).slice(0, limit).map((locked) => {
    const { tenant, ...inside } = locked.place
    const seen = (those: LockedPlace<Owner>['holders']): Place['holders'] => those.slice(0, limit).map(({ owner, modes }) => (
      { request: owner.request, mode: nameOf(modes), ageMs: Math.max(0, Math.round(now - owner.since)) }))
    return { tenant: tenant.join('/'), ...inside, holders: seen(locked.holders), waiters: seen(locked.waiters) }
  })
}
