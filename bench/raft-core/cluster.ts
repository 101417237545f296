import { Core, emptyConfiguration, type Message, type Ready } from '../../plugins/raft/core/index.ts'
import { MemoryLog } from './memory-log.ts'

const ids = ['1', '2', '3'].map((digit) => digit.padStart(16, '0'))

/** Three cores in one process; what one sends is delivered at once, and what it persists is durable at once. */
export class CoreCluster {
  readonly #nodes = new Map(ids.map((id) => [id, node(id)]))
  /** Messages that were delivered. */
  messages = 0
  /** Entries that every node has applied. */
  get applied (): number {
    return Math.min(...[...this.#nodes.values()].map(({ core }) => core.appliedIndex))
  }

  constructor () {
    this.#leader.core.campaign()
    this.#settle()
  }

  /** Proposes all of these at once on the leader, and sees them applied by all. */
  propose (batch: { type: number, data: Buffer }[]): void {
    const proposed = this.#leader.core.propose(batch)
    if (proposed.result !== 'appended') throw new Error(`the proposal was ${proposed.result}`)
    this.#settle()
  }

  get #leader (): ReturnType<typeof node> {
    return this.#nodes.get(ids[0]!)!
  }

  #settle (): void {
    for (let busy = true; busy;) {
      busy = false
      for (const { core, log } of this.#nodes.values()) {
        while (core.hasReady) {
          busy = true
          this.#do(core, log, core.ready())
        }
      }
    }
  }

  #do (core: Core, log: MemoryLog, { entries, messages, responses, receipt, committed }: Ready): void {
    if (entries.length > 0) log.append(entries)
    for (const message of messages) this.#deliver(message)
    for (const message of responses) this.#deliver(message)
    if (receipt !== null) core.persisted(receipt)
    if (committed.length > 0) {
      core.applied(committed)
      log.compact(core.appliedIndex)
    }
  }

  #deliver (message: Message): void {
    this.messages++
    this.#nodes.get(message.to)!.core.step(message)
  }
}

function node (id: string): { core: Core, log: MemoryLog } {
  const log = new MemoryLog()
  const core = new Core({
    id,
    storage: log,
    hardState: { term: 0, vote: null, commit: 0 },
    configuration: { ...emptyConfiguration, voters: ids },
    applied: 0,
    electionTicks: 10,
    heartbeatTicks: 1,
    preVote: true,
    checkQuorum: true,
    leaseReads: false,
    forwardProposals: false,
    stepDownOnRemoval: true,
    checkChanges: true,
    emptyMayVote: false,
    applyUnstable: false,
    appendBytesMax: 1024 * 1024,
    inflightMessagesMax: 256,
    inflightBytesMax: Infinity,
    uncommittedBytesMax: Infinity,
    applyingBytesMax: Infinity,
    random: () => 0,
    incarnation: 'bench',
  })
  return { core, log }
}
