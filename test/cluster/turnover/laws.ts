import { Replay, type HistoryChange } from '../../support/replay.ts'
import { isOneCopy, type Moment } from './linearizable.ts'
import type { Operation, Place, Result } from './operation.ts'

/** When something was there: each revision at which that changed. */
type Times = Moment[]

/**
 * Judges what clients were told by the feed, which is the one truth: what was acknowledged is in it where it was said
 * to be and after all that was known before; nothing in it is in a tenant or collection that is not there; and a
 * refusal tells what was so at some moment between question and answer. Each key is linearizable.
 */
export class Laws {
  /** By the name of a place: the revision that it has, 0 while it is not there. */
  readonly #times = new Map<string, Times>()
  readonly #feed: HistoryChange[]

  /** @throws Error when the feed itself breaks a law */
  constructor (feed: string[]) {
    const replay = new Replay()
    this.#feed = feed.map((text) => replay.apply(text).change)
    for (const change of this.#feed) this.#follow(change)
  }

  /** Whether the answers about a key are those that one copy of it would have given. */
  isOneCopy (place: Place, operations: readonly Operation[]): boolean {
    return isOneCopy(place, this.#times.get(nameOf(place)) ?? [], this.#feed, operations)
  }

  /** What is wrong with the operation's answer; null when nothing is. */
  fault ({ floor, result, ...operation }: Operation): string | null {
    if (result === null) return null
    if (result.what === 'refused') return this.#refusalFault(operation, floor, result)
    if (operation.kind === 'read') {
      const isRight = this.#was(nameOf(operation), floor, Infinity, (value) => value === result.revision)
      return isRight ? null : `no moment after ${floor} had the value of ${result.revision}`
    }
    const change = this.#feed[result.revision - 1]
    if (result.revision <= floor) return `acknowledged at ${result.revision}, and ${floor} was known before`
    if (change === undefined || !isOf(change, operation)) return `the feed has something else at ${result.revision}`
    return null
  }

  #refusalFault (operation: Omit<Operation, 'floor' | 'result'>, floor: number, { code, database }: Result & { what: 'refused' }): string | null {
    const until = operation.kind === 'read' ? Infinity : database
    const places = operation.kind === 'batch' ? [operation, operation.second] : [operation]
    const some = (place: (place: Place) => string, isIt: (value: number) => boolean): boolean => (
      places.some((one) => this.#was(place(one), floor, until, isIt)))
    const isAbsent = (value: number): boolean => value === 0
    const isThere = (value: number): boolean => value !== 0
    const isRight = {
      TENANT_NOT_FOUND: () => some(({ tenant }) => tenant, isAbsent) || some(parentOf, isAbsent),
      COLLECTION_NOT_FOUND: () => some(collectionOf, isAbsent),
      KEY_NOT_FOUND: () => some(nameOf, isAbsent),
      TENANT_EXISTS: () => some(({ tenant }) => tenant, isThere),
      COLLECTION_EXISTS: () => some(collectionOf, isThere),
    }[code]
    if (isRight === undefined) return `refused with ${code}`
    return isRight() ? null : `refused with ${code}, which was not so at any moment from ${floor} to ${until}`
  }

  /** Whether the place had such a revision at some moment of these. */
  #was (name: string, from: number, to: number, isIt: (value: number) => boolean): boolean {
    const times = [{ from: 0, value: 0 }, ...this.#times.get(name) ?? []]
    const endOf = (at: number): number => times[at + 1]?.from ?? Infinity
    return times.some(({ from: begin, value }, at) => isIt(value) && begin <= to && endOf(at) > from)
  }

  #follow (change: HistoryChange): void {
    const { revision, type, tenant = '', collection } = change
    switch (type) {
      case 'tenant-create': return this.#set(tenant, revision, revision)
      case 'collection-create': return this.#set(`${tenant} ${collection}`, revision, revision)
      case 'put': return this.#set(nameOf(change as Place), revision, revision)
      case 'delete': return this.#set(nameOf(change as Place), revision, 0)
      case 'collection-delete': return this.#drop(`${tenant} ${collection}`, revision)
      case 'tenant-delete': return this.#drop(tenant, revision)
    }
  }

  #set (name: string, from: number, value: number): void {
    const times = this.#times.get(name) ?? []
    this.#times.set(name, times)
    times.push({ from, value })
  }

  #drop (name: string, revision: number): void {
    for (const other of this.#times.keys()) if (other === name || other.startsWith(`${name} `)) this.#set(other, revision, 0)
  }
}

function nameOf ({ tenant, collection, key }: Place): string {
  return `${tenant} ${collection} ${key}`
}

function collectionOf ({ tenant, collection }: Place): string {
  return `${tenant} ${collection}`
}

function parentOf ({ tenant }: Place): string {
  return tenant.slice(0, tenant.lastIndexOf('/'))
}

function isOf (change: HistoryChange, { id, kind, tenant, collection, key, second }: Omit<Operation, 'floor' | 'result'>): boolean {
  const { type, tags = [id] } = change
  const isTagged = tags[0] === id
  switch (kind) {
    case 'batch': return isTagged && type === 'put' && nameOf(change as Place) === nameOf(second)
    case 'put': case 'delete': return isTagged && type === kind && nameOf(change as Place) === nameOf({ tenant, collection, key })
    case 'collection-create': case 'collection-delete':
      return isTagged && type === kind && change.tenant === tenant && change.collection === collection
    default: return isTagged && type === kind && change.tenant === tenant
  }
}
