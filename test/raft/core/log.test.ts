import t from 'tap'
import fc from 'fast-check'
import { entryBytes, entryTypes } from '../../../plugins/raft/core/index.ts'
import type { Entry, EntryId, Snapshot } from '../../../plugins/raft/core/index.ts'
import { emptyConfiguration } from '../../../plugins/raft/core/configuration.ts'
import { Log } from '../../../plugins/raft/core/log.ts'
import { MemoryLog } from '../support/memory-log.ts'

/** A write that the disk was asked for, and what the core is told once it is done. */
interface Write { entries: readonly Entry[], snapshot: Snapshot | null, term: number, last: EntryId | null }

function entry (index: number, term: number, size = 0): Entry {
  return { index, term, type: entryTypes.command, data: Buffer.alloc(size) }
}

function show (entries: readonly Entry[]): string {
  return entries.map(({ index, term }) => `${index}.${term}`).join(' ')
}

/** The log beside an array, as a follower's is led: by one leader after another, each with a term of its own. */
class Pair {
  readonly disk = new MemoryLog()
  readonly log = new Log(this.disk, 0, Infinity)
  before: EntryId = { index: 0, term: 0 }
  entries: Entry[] = []
  term = 1
  committed = 0
  applied = 0
  writes: Write[] = []

  get last (): number {
    return this.before.index + this.entries.length
  }

  at (index: number): number | undefined {
    return index === this.before.index ? this.before.term : this.entries[index - this.before.index - 1]?.term
  }

  /** As `Core.ready` and `Core.persisted` do. */
  take (): void {
    const { log } = this
    this.writes.push({
      entries: log.newUnstable, snapshot: log.newSnapshot, term: this.term, last: log.hasUnstable ? log.lastId : null,
    })
    log.acceptUnstable()
  }

  write (): void {
    const write = this.writes.shift()
    if (write === undefined) return
    const { entries, snapshot, term, last } = write
    if (snapshot !== null) this.disk.applySnapshot(snapshot)
    this.disk.append(entries)
    if (last !== null && term === this.term) this.log.stableTo(last)
    if (snapshot !== null) {
      this.log.stableSnapshot(snapshot.index)
      this.log.appliedTo(snapshot.index, 0)
      this.applied = Math.max(this.applied, snapshot.index)
    }
  }

  /** @throws Error where they differ */
  check (): void {
    const { log } = this
    const fail = (what: string): never => { throw new Error(what) }
    if (log.lastIndex !== this.last) fail(`the log ends at ${log.lastIndex}, not ${this.last}`)
    if (log.lastId.term !== this.at(this.last)) fail('the last term is another')
    if (log.committed !== this.committed) fail(`committed ${log.committed}, not ${this.committed}`)
    for (let index = this.before.index; index <= this.last + 3; index++) {
      if (log.term(index) !== this.at(index)) fail(`term at ${index} is ${log.term(index)}, not ${this.at(index)}`)
    }
    for (let from = this.before.index + 1; from <= this.last + 1; from++) {
      const found = show(log.entriesFrom(from, Infinity)!)
      const expected = show(this.entries.slice(from - this.before.index - 1))
      if (found !== expected) fail(`from ${from}: ${found}, not ${expected}`)
    }
  }
}

const nat = fc.nat({ max: 6 })
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('lead' as const), back: nat, entries: nat, newTerm: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('old branch' as const), at: nat, entries: nat }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), back: nat, entries: nat }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mismatch' as const), at: nat }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('take' as const, 'write' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('commit' as const), by: nat }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('apply' as const), bytes: fc.nat({ max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const), ahead: nat }) }
)

t.test('The log agrees with a plain array, whatever leaders, disk and snapshots do', async () => {
  fc.assert(fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
    const pair = new Pair()
    const { log } = pair
    for (const what of actions) {
      if (what.do === 'lead') {
        if (what.newTerm) pair.term++
        // From anywhere above what is committed: what was there is replaced where the terms differ.
        const previous = Math.max(pair.committed, pair.last - what.back)
        const entries = Array.from({ length: what.entries }, (_, at) => entry(previous + 1 + at, pair.term))
        const differs = entries.find(({ index, term }) => pair.at(index) !== term)
        const found = log.appendAfter({ index: previous, term: pair.at(previous)! }, entries)
        if (found !== (differs?.index ?? 0)) throw new Error(`differs at ${found}, not ${differs?.index}`)
        if (differs !== undefined) {
          const keep = differs.index - 1 - pair.before.index
          pair.entries = [...pair.entries.slice(0, keep), ...entries.filter(({ index }) => index >= differs.index)]
        }
      } else if (what.do === 'old branch') {
        // A leader that never had what is here refers to entries that were replaced, or never were.
        pair.term++
        const index = pair.last + what.at
        const previous = { index, term: pair.term - 1 }
        if (pair.at(index) === previous.term) continue
        const entries = Array.from({ length: what.entries }, (_, at) => entry(index + 1 + at, pair.term))
        if (log.appendAfter(previous, entries) !== null) throw new Error('it was taken for the same log')
      } else if (what.do === 'again') {
        const previous = Math.max(pair.before.index, pair.last - what.back)
        const at = previous - pair.before.index
        const entries = pair.entries.slice(at, at + what.entries)
        if (log.appendAfter({ index: previous, term: pair.at(previous)! }, entries) !== 0) throw new Error('it is no news')
      } else if (what.do === 'mismatch') {
        const found = log.appendAfter({ index: pair.last - what.at, term: 999 }, [])
        if (found !== null) throw new Error('it does not match')
      } else if (what.do === 'take') pair.take()
      else if (what.do === 'write') pair.write()
      else if (what.do === 'commit') {
        pair.committed = Math.min(pair.last, pair.committed + what.by)
        log.commitTo(pair.committed)
      } else if (what.do === 'apply') {
        const entries = log.committedToApply(false)
        log.acceptApplying(entries, false)
        const expected = pair.entries.slice(pair.applied - pair.before.index).slice(0, entries.length)
        if (!log.restoring && show(entries) !== show(expected)) throw new Error(`applies ${show(entries)}`)
        for (const { index, term } of entries) {
          if (index > pair.disk.lastIndex || pair.disk.term(index) !== term) throw new Error(`${index} is not durable`)
        }
        if (entries.length > 0) {
          pair.applied = entries.at(-1)!.index
          log.appliedTo(pair.applied, 0)
        }
      } else if (what.do === 'restore') {
        const index = Math.max(pair.last, pair.committed) + 1 + what.ahead
        const snapshot = { index, term: pair.term, configuration: emptyConfiguration }
        log.restore(snapshot)
        pair.before = { index, term: pair.term }
        pair.entries = []
        pair.committed = index
      }
      pair.check()
    }
    // The disk goes on: then everything is durable, and can be applied.
    pair.take()
    while (pair.writes.length > 0) pair.write()
    pair.check()
    if (log.hasUnstable || log.restoring) throw new Error('something is not durable for ever')
    if (show(pair.disk.all) !== show(pair.entries)) throw new Error(`the disk holds ${show(pair.disk.all)}`)
    const rest = log.committedToApply(false)
    if (pair.applied + rest.length !== pair.committed) throw new Error('not all that is committed can be applied')
  }), { numRuns: 400 })
})

t.test('A slice holds as many entries as fit, and at least one, wherever the disk\'s part of it ends', async () => {
  const sizes = fc.array(fc.nat({ max: 200 }), { minLength: 1, maxLength: 12 })
  fc.assert(fc.property(sizes, fc.nat(), fc.nat(), fc.nat({ max: 1500 }), (all, stable, start, bytesMax) => {
    const entries = all.map((size, at) => entry(at + 1, 1, size))
    const disk = new MemoryLog()
    const log = new Log(disk, 0, Infinity)
    log.append(entries)
    const durable = entries.slice(0, stable % (entries.length + 1))
    disk.append(durable)
    log.acceptUnstable()
    if (durable.length > 0) log.stableTo(durable.at(-1)!)
    const from = 1 + start % entries.length
    let bytes = 0
    const fit = entries.slice(from - 1).filter((one, at) => (bytes += entryBytes(one)) <= bytesMax || at === 0)
    const found = log.entriesFrom(from, bytesMax)!
    if (show(found) !== show(fit)) throw new Error(`${show(found)}, not ${show(fit)}`)
  }), { numRuns: 500 })
})

t.test('What a leader may hold where logs differ is the newest entry of no newer term', async () => {
  const terms = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 }).map((list) => list.sort())
  fc.assert(fc.property(terms, fc.nat({ max: 14 }), fc.integer({ min: 0, max: 6 }), (list, from, term) => {
    const disk = new MemoryLog()
    disk.append(list.map((own, at) => entry(at + 1, own)))
    const log = new Log(disk, 0, Infinity)
    const index = Math.min(from, list.length)
    const expected = list.slice(0, index).findLastIndex((own) => own <= term) + 1
    const found = log.newestUpTo(index, term)
    if (found.index !== expected) throw new Error(`${found.index}, not ${expected}`)
  }))
})

t.test('No more is handed out to be applied at a time than the limit, and all of it in the end', async () => {
  const sizes = fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 20 })
  fc.assert(fc.property(sizes, fc.integer({ min: 1, max: 300 }), fc.array(fc.boolean()), (all, bytesMax, applies) => {
    const entries = all.map((size, at) => entry(at + 1, 1, size))
    const disk = new MemoryLog()
    disk.append(entries)
    const log = new Log(disk, 0, bytesMax)
    log.commitTo(entries.length)
    const underWay: Entry[][] = []
    const found: Entry[] = []
    for (const apply of [...applies, ...Array.from({ length: 100 }, (_, at) => at % 2 === 0)]) {
      if (apply) {
        const done = underWay.shift()
        if (done !== undefined) log.appliedTo(done.at(-1)!.index, done.reduce((sum, one) => sum + entryBytes(one), 0))
      } else {
        const next = log.committedToApply(false)
        log.acceptApplying(next, false)
        found.push(...next)
        if (next.length > 0) underWay.push([...next])
        const bytes = underWay.flat().reduce((sum, one) => sum + entryBytes(one), 0)
        if (bytes > bytesMax && underWay.flat().length > 1 && underWay[0]!.length > 1) throw new Error(`${bytes} at a time`)
      }
    }
    if (show(found) !== show(entries)) throw new Error(`applied ${show(found)}`)
  }), { numRuns: 300 })
})
