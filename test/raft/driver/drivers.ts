import { Core, emptyConfiguration, entryTypes } from '../../../plugins/raft/core/index.ts'
import type { Configuration, Message, NodeId } from '../../../plugins/raft/core/index.ts'
import { Driver } from '../../../plugins/raft/driver.ts'
import type { ApplyRequest, DriverIo, PersistRequest, ProposalOutcome } from '../../../plugins/raft/driver.ts'
import type { Tuning } from '../core/node.ts'
import { MemoryLog } from '../support/memory-log.ts'

/** What a driver asked of the world, and what has come of it, in order. */
export type Deed =
  { did: 'persist', request: PersistRequest } |
  { did: 'persisted', request: PersistRequest } |
  { did: 'send', message: Message } |
  { did: 'apply', texts: string[] } |
  { did: 'applied', texts: string[] } |
  { did: 'read', context: string } |
  { did: 'lost', context: string }

interface Waiting { begin: () => void, finish: () => void }

const defaults = {
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: false,
  checkQuorum: false,
  leaseReads: false,
  forwardProposals: false,
  stepDownOnRemoval: true,
  checkChanges: true,
  emptyMayVote: false,
  applyUnstable: false,
  appendBytesMax: 1e6,
  inflightMessagesMax: 100,
  inflightBytesMax: 1e6,
  uncommittedBytesMax: 1e6,
  applyingBytesMax: 1e6,
  random: () => 0,
}

/** A driver whose disk and state machine do nothing until they are told to. The state machine echoes commands. */
export class DrivenNode implements DriverIo<string> {
  readonly id: NodeId
  readonly disk = new MemoryLog()
  readonly driver: Driver<string>
  deeds: Deed[] = []
  /** Commands, in the order of applying. */
  texts: string[] = []
  readonly #send: (message: Message) => void
  readonly #persists: Waiting[] = []
  readonly #applies: Waiting[] = []

  constructor (id: NodeId, configuration: Configuration, send: (message: Message) => void, tuning: Tuning = {}) {
    this.id = id
    this.#send = send
    const core = new Core({
      ...defaults,
      incarnation: 'life',
      ...tuning,
      id,
      storage: this.disk,
      hardState: this.disk.hardState,
      configuration,
      applied: 0,
    })
    this.driver = new Driver(core, this, { diskTicksMax: 5 })
  }

  persist (request: PersistRequest, done: () => void): void {
    this.deeds.push({ did: 'persist', request })
    this.#persists.push({
      begin: () => {
        const { snapshot, entries, hardState } = request
        if (snapshot !== null) this.disk.applySnapshot(snapshot)
        this.disk.append(entries)
        if (hardState !== null) this.disk.hardState = hardState
        this.deeds.push({ did: 'persisted', request })
      },
      finish: done,
    })
  }

  send (message: Message): void {
    this.deeds.push({ did: 'send', message })
    this.#send(message)
  }

  apply ({ entries }: ApplyRequest, done: (outcomes: readonly string[]) => void): void {
    const texts = entries.map(({ type, data }) => type === entryTypes.command ? data.toString() : 'change')
    this.deeds.push({ did: 'apply', texts })
    this.#applies.push({
      begin: () => {
        this.texts.push(...texts)
        this.deeds.push({ did: 'applied', texts })
      },
      finish: () => { done(texts) },
    })
  }

  read (context: string): void {
    this.deeds.push({ did: 'read', context })
  }

  readLost (context: string): void {
    this.deeds.push({ did: 'lost', context })
  }

  softState (): void {}

  /** Something happens, and then the driver's turn. */
  run (what: (driver: Driver<string>) => void): void {
    what(this.driver)
    this.driver.turn()
  }

  propose (text: string): ProposalOutcome<string>[] {
    const outcomes: ProposalOutcome<string>[] = []
    this.run((driver) => { driver.propose(Buffer.from(text), (outcome) => { outcomes.push(outcome) }) })
    return outcomes
  }

  /** The disk does what is asked of it next. False when there is nothing. */
  persistOne (): boolean {
    return this.#one(this.#persists)
  }

  applyOne (): boolean {
    return this.#one(this.#applies)
  }

  get busy (): boolean {
    return this.#persists.length > 0 || this.#applies.length > 0
  }

  #one (queue: Waiting[]): boolean {
    const next = queue.shift()
    if (next === undefined) return false
    next.begin()
    this.run(next.finish)
    return true
  }
}

/** Three drivers on a wire that moves nothing until it is told to. */
export class Drivers {
  readonly nodes: DrivenNode[]
  wire: Message[] = []
  /** Nothing reaches or leaves it. */
  apart: NodeId | null = null

  constructor (tuning: Tuning = {}) {
    const voters = ['1', '2', '3']
    this.nodes = voters.map((id) => (
      new DrivenNode(id, { ...emptyConfiguration, voters }, (message) => { this.wire.push(message) }, tuning)))
  }

  node (id: NodeId): DrivenNode {
    return this.nodes.find((node) => node.id === id)!
  }

  /** Whichever message is at that place on the wire arrives. */
  deliver (at = 0): void {
    const [message] = this.wire.splice(at, 1)
    if (message === undefined || message.from === this.apart || message.to === this.apart) return
    this.nodes.find(({ id }) => id === message.to)?.run(({ core }) => { core.step(message) })
  }

  settle (): void {
    for (let steps = 0; this.wire.length > 0 || this.nodes.some(({ busy }) => busy); steps++) {
      if (steps === 10_000) throw new Error('there is no end to it')
      for (const node of this.nodes) {
        node.persistOne()
        node.applyOne()
      }
      if (this.wire.length > 0) this.deliver()
    }
  }

  elect (id: NodeId): void {
    this.node(id).run(({ core }) => { core.campaign() })
    this.settle()
    if (this.node(id).driver.core.status.role !== 'leader') throw new Error(`node ${id} does not lead`)
  }
}
