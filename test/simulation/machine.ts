import { entryTypes } from '../../plugins/raft/core/index.ts'
import type { Configuration, Entry } from '../../plugins/raft/core/index.ts'
import type { ApplyRequest } from '../../plugins/raft/driver.ts'
import type { Change } from '../../storage/change.ts'
import { decodeCommand } from '../../storage/command.ts'
import type { Applied, Database } from '../../storage/database.ts'
import type { Outcome } from '../../storage/types.ts'
import { MemoryRows, MemoryStore } from '../support/memory-store.ts'
import type { Chance } from './chance.ts'
import type { Product } from './product.ts'

/** The whole state machine at one place of the log: what a snapshot carries. */
export interface Contents {
  readonly index: number
  readonly term: number
  readonly configuration: Configuration
  /** Nobody writes to these. */
  readonly rows: MemoryRows
}

/** The real database on a store in memory, and the configuration that belongs to what is applied. */
export class Machine {
  database: Database
  /** Changes that were applied since somebody asked. */
  changes: Change[] = []
  /** A loss of power takes nothing up to here. */
  flushedIndex: number
  rows: MemoryRows
  readonly #type: Product['Database']
  /** Those in force since a place in the log, oldest first: a loss of power goes back to an older one. */
  #configurations: { index: number, configuration: Configuration }[]

  private constructor (
    type: Product['Database'], database: Database, rows: MemoryRows, configurations: Machine['configurations']
  ) {
    this.#type = type
    this.database = database
    this.rows = rows
    this.#configurations = configurations
    this.flushedIndex = database.applied.index
    this.#listen()
  }

  static async of ({ rows, configuration, index }: Contents, type: Product['Database']): Promise<Machine> {
    const own = rows.copy()
    return new Machine(type, await type.open(new MemoryStore(own)), own, [{ index, configuration }])
  }

  get applied (): { index: number, term: number } {
    return this.database.applied
  }

  get configurations (): { index: number, configuration: Configuration }[] {
    return this.#configurations
  }

  get configuration (): Configuration {
    return this.#configurations.at(-1)!.configuration
  }

  get checksum (): number {
    return this.rows.checksum
  }

  async apply ({ entries, configuration }: ApplyRequest): Promise<Array<Outcome | null>> {
    const outcomes = await this.database.apply(entries.map(appliedOf))
    if (configuration !== null) this.#configurations.push({ index: entries.at(-1)!.index, configuration })
    return outcomes
  }

  async flush (): Promise<void> {
    this.flushedIndex = (await this.database.flush()).index
    this.#forgetConfigurations()
  }

  contents (): Contents {
    return { ...this.applied, configuration: this.configuration, rows: this.rows.copy() }
  }

  async install ({ rows, configuration, index }: Contents): Promise<void> {
    this.rows = rows.copy()
    this.#configurations = [{ index, configuration }]
    await this.open()
    this.flushedIndex = index
  }

  /** The newest writes may be lost, but none that was flushed. To be opened again. Returns how many were lost. */
  crash (chance: Chance): number {
    const lost = chance.chance(0.4) ? 0 : chance.between(0, this.rows.unflushed)
    this.rows.lose(lost)
    return lost
  }

  async open (): Promise<void> {
    this.database = await this.#type.open(new MemoryStore(this.rows))
    const { index } = this.applied
    this.#configurations = this.#configurations.filter((held) => held.index <= index)
    this.changes = []
    this.#listen()
  }

  #listen (): void {
    this.database.listen((changes) => { this.changes.push(...changes) })
  }

  #forgetConfigurations (): void {
    const needed = this.#configurations.findLastIndex(({ index }) => index <= this.flushedIndex)
    this.#configurations.splice(0, needed)
  }
}

function appliedOf ({ index, term, type, data }: Entry): Applied {
  const isCommand = type === entryTypes.command && data.length > 0
  return { index, term, command: isCommand ? decodeCommand(data) : null }
}
