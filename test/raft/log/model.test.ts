import t from 'tap'
import fc from 'fast-check'
import { copyFileSync, mkdtempSync } from 'node:fs'
import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Log } from '../../../plugins/raft/log/index.ts'
import type { HardState, LogEntry } from '../../../plugins/raft/log/index.ts'
import { entry, folder, readAll, segmentFiles, textOf } from './helpers.ts'

/** What a log is without a disk: an array. */
interface Model {
  compacted: { index: number, term: number }
  entries: LogEntry[]
  hardState: HardState
}

type Command =
  { do: 'append', back: number, sizes: number[], newTerm: boolean, hardState: boolean, wait: boolean } |
  { do: 'compact', keep: number } |
  { do: 'reset', ahead: number } |
  { do: 'read', from: number, bytesMax: number } |
  { do: 'reopen' } |
  { do: 'crash' }

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      // Most appends go on at the end; some replace a few entries, a few replace many.
      back: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 4 }) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }) }),
      sizes: fc.array(fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 0, max: 200 }) },
        { weight: 1, arbitrary: fc.integer({ min: 500, max: 3000 }) }), { maxLength: 6 }),
      newTerm: fc.boolean(),
      hardState: fc.boolean(),
      wait: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const), keep: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const), ahead: fc.integer({ min: -5, max: 50 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      bytesMax: fc.integer({ min: 0, max: 2000 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'reopen' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'crash' as const }) }
)

/** Plays commands against a log and the model, side by side. */
class Run {
  readonly root: string
  readonly cacheBytes: number
  directory: string
  log!: Log
  pending: Promise<void>[] = []
  model: Model = { compacted: { index: 0, term: 0 }, entries: [], hardState: { term: 0, vote: null, commit: 0 } }

  constructor (root: string, cacheBytes: number) {
    this.root = root
    this.cacheBytes = cacheBytes
    this.directory = mkdtempSync(`${root}/run-`)
  }

  async open (): Promise<void> {
    this.log = await Log.open({ directory: this.directory, segmentBytes: 1024, cacheBytes: this.cacheBytes })
  }

  async settle (): Promise<void> {
    await Promise.all(this.pending)
    this.pending = []
  }

  get last (): number {
    return this.model.compacted.index + this.model.entries.length
  }

  async play (command: Command): Promise<void> {
    const { model } = this
    if (command.do === 'append') {
      const from = Math.max(model.compacted.index + 1, this.last + 1 - (command.sizes.length === 0 ? 0 : command.back))
      const term = model.hardState.term + (command.newTerm ? 1 : 0)
      const entries = command.sizes.map((size, i) => entry(from + i, term, size))
      model.entries.splice(from - model.compacted.index - 1, command.sizes.length === 0 ? 0 : Infinity, ...entries)
      const hardState = { term, vote: term % 3 === 0 ? null : '00000000000000aa', commit: from - 1 }
      if (command.hardState) model.hardState = hardState
      this.pending.push(this.log.append(command.hardState ? { hardState, entries } : { entries }))
      if (command.wait) await this.settle()
    } else if (command.do === 'compact') {
      await this.settle()
      const index = Math.max(model.compacted.index, this.last - command.keep)
      await this.log.compact(index)
      const { compacted } = this.log
      if (compacted.index > index) throw new Error('compacted too much')
      const gone = model.entries.splice(0, compacted.index - model.compacted.index).at(-1)
      model.compacted = { index: compacted.index, term: gone?.term ?? model.compacted.term }
    } else if (command.do === 'reset') {
      const index = Math.max(0, this.last + command.ahead)
      model.compacted = { index, term: model.hardState.term }
      model.entries = []
      this.pending.push(this.log.reset(index, model.hardState.term))
    } else if (command.do === 'read') {
      if (model.entries.length === 0) return
      const skip = Math.floor(command.from * (model.entries.length - 1))
      const from = model.compacted.index + 1 + skip
      const read = await this.log.entries(from, this.last + 1, command.bytesMax)
      let room = command.bytesMax
      const fit = model.entries.slice(skip).findIndex(({ data }, i) => (room -= data.length) < 0 && i > 0)
      same(read.map(textOf), model.entries.slice(skip, fit === -1 ? undefined : skip + fit).map(textOf))
    } else {
      await this.settle()
      const closed = this.log
      if (command.do === 'reopen') await closed.close()
      else this.copy()
      await this.open()
      if (command.do === 'crash') await closed.close()
      const commit = Math.max(model.compacted.index, Math.min(model.hardState.commit, this.last))
      model.hardState = { ...model.hardState, commit }
    }
  }

  /** Goes on with what a process that is killed now leaves behind. */
  copy (): void {
    const directory = mkdtempSync(`${this.root}/run-`)
    for (const path of segmentFiles(this.directory)) {
      try {
        copyFileSync(path, `${directory}/${basename(path)}`)
      } catch (error) {
        // The log removes old segments by itself after a reset.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    this.directory = directory
  }

  async compare (): Promise<void> {
    const { log, model } = this
    same([log.compacted, log.hardState, log.firstIndex, log.lastIndex],
      [model.compacted, model.hardState, model.compacted.index + 1, this.last])
    const terms = [model.compacted.term, ...model.entries.map(({ term }) => term)]
    same(terms.map((_, i) => log.termOf(model.compacted.index + i)), terms)
    same([log.termOf(model.compacted.index - 1), log.termOf(this.last + 1)], [undefined, undefined])
    if (log.durableIndex > log.lastIndex) throw new Error('more is durable than there is')
  }
}

function same (found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return
  throw new Error(`found  ${JSON.stringify(found)}\nwanted ${JSON.stringify(wanted)}`)
}

t.test('the log does what an array does, whatever is appended, replaced, compacted, reset and reopened', async (t) => {
  const root = folder(t, 'memory')
  let reopened = 0
  await fc.assert(fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), fc.constantFrom(0, 500, 1_000_000),
    async (commands, cacheBytes) => {
      const run = new Run(root, cacheBytes)
      await run.open()
      try {
        for (const command of commands) {
          await run.play(command)
          await run.compare()
          if (command.do === 'reopen' || command.do === 'crash') {
            reopened++
            same((await readAll(run.log, 700)).map(textOf), run.model.entries.map(textOf))
            same(run.log.durableIndex, run.log.lastIndex)
          }
        }
        await run.settle()
        same(run.log.durableIndex, run.log.lastIndex)
        same((await readAll(run.log, 700)).map(textOf), run.model.entries.map(textOf))
      } finally {
        await run.log.close()
      }
    }), { numRuns: 150 })
  t.ok(reopened > 50)
})
