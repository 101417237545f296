import type {
  Configuration, Core, EntryId, HardState, Message, NodeId, ProposedEntry, ProposalResult, Snapshot, SoftState, Status,
  TraceEvent,
} from '../../plugins/raft/core/index.ts'
import { allMembers } from '../../plugins/raft/core/index.ts'
import type { ApplyRequest, Driver, DriverIo, PersistRequest, ProposalOutcome } from '../../plugins/raft/driver.ts'
import type { Outcome } from '../../storage/types.ts'
import { Applier } from './applier.ts'
import type { Applied } from './applier.ts'
import type { Checks } from './checks.ts'
import { describeEvent } from './describe.ts'
import { Disk } from './disk.ts'
import type { DiskOwner } from './disk.ts'
import { LogImage } from './log-image.ts'
import type { Contents, Machine } from './machine.ts'
import type { World } from './world.ts'
import { about, say } from './world.ts'

/** What a node needs of those around it. */
export interface Surroundings {
  checks: Checks
  send (message: Message): void
  /** Moves a snapshot's bytes, and delivers the message once they are there. */
  transfer (message: Extract<Message, { type: 'snapshot' }>, contents: Contents, report: (arrived: boolean) => void): void
}

export type WriteAnswer = (outcome: ProposalOutcome<Outcome | null>) => void

/** The answer to a read: the node's own database may be read now, or (null) the read is to be asked again. */
export type ReadAnswer = (node: SimNode | null) => void | Promise<void>

/** What a node finds on its disk when it starts for the first time. */
export interface NodeStart {
  machine: Machine
  hardState: HardState
  before: EntryId
}

interface Life {
  core: Core
  driver: Driver<Outcome | null>
  applier: Applier
}

/** How many snapshots are kept for those that they are being sent to. */
const takenKept = 4

/** How many that have come. Many come while a slow disk is busy with the first. */
const arrivedKept = 50

/** A process and its disk: the real core and the real driver, between simulated parts. */
export class SimNode implements DriverIo<Outcome | null>, DiskOwner {
  readonly id: NodeId
  readonly name: string
  readonly disk: Disk
  readonly machine: Machine
  /** What others see of it. */
  soft: SoftState = { leader: null, role: 'follower' }
  /** In force since before the last turn; the oldest first. */
  configurations: Configuration[] = []
  /** Since it began its life. */
  ticks = 0
  /** Its disk is gone for ever. */
  lost = false
  diskFull = false
  /** Called when the disk is next asked to write. */
  onWrite: (() => void) | null = null
  tickMicros: number
  /** Its clock is wrong by so much. */
  readonly skewMillis: number
  readonly #world: World
  readonly #around: Surroundings
  #life: Life | null = null
  /** Counts starts and ends: what was planned in an earlier life does not happen. */
  #lives = 0
  #wasMember = false
  #turnPlanned = false
  #failing = false
  /** When each write that the disk has not answered was asked for, in ticks. */
  #writes: number[] = []
  readonly #reads = new Map<string, ReadAnswer>()
  #taken: Contents[] = []
  #arrived: Contents[] = []

  constructor (world: World, around: Surroundings, id: NodeId, name: string, start: NodeStart) {
    this.#world = world
    this.#around = around
    this.id = id
    this.name = name
    this.machine = start.machine
    this.disk = new Disk(world, this, new LogImage(start.hardState, start.before))
    const { tickMicros, tickSpread } = world.plan
    this.tickMicros = Math.round(tickMicros * (1 + world.chance.between(-tickSpread, tickSpread) / 100))
    if (this.tickMicros !== tickMicros) world.counts.add('unequal clocks')
    this.skewMillis = world.chance.between(-500, 500)
  }

  get isUp (): boolean {
    return this.#life !== null
  }

  /** Of a node that is up. */
  get core (): Core {
    return this.#life!.core
  }

  get status (): Status {
    return this.core.status
  }

  /** It has seen itself among the members. */
  get wasMember (): boolean {
    return this.#wasMember
  }

  /** For how many ticks the disk has not answered. */
  get writingTicks (): number {
    return this.ticks - (this.#writes[0] ?? this.ticks)
  }

  /** An operator's wish, or a sign from outside. */
  nudge (nudge: (core: Core) => void): void {
    nudge(this.core)
    this.touch()
  }

  start (): void {
    const { plan, product } = this.#world
    this.#lives++
    const core = new product.Core(this.#coreOptions())
    const driver = new product.Driver<Outcome | null>(core, this, { diskTicksMax: plan.electionTicks })
    const later = (happen: () => Promise<void>): void => { this.#later(about(this.#world, plan.applyMicros), happen) }
    this.#life = { core, driver, applier: new Applier(later, (request) => this.#applyNow(request)) }
    this.ticks = 0
    this.soft = { leader: null, role: 'follower' }
    this.configurations = [this.machine.configuration]
    const { disk: { firstIndex, lastIndex, durable }, machine: { applied } } = this
    say(this.#world, this.name, () => `starts: log ${firstIndex} to ${lastIndex}, applied ${applied.index}, ` +
      `term ${durable.hardState.term}, commit ${durable.hardState.commit}`)
    this.#around.checks.started(this)
    this.#tick()
    this.#flushSoon()
    this.touch()
  }

  #coreOptions (): ConstructorParameters<typeof Core>[0] {
    const { plan, chance, calm } = this.#world
    return {
      id: this.id,
      storage: this.disk,
      hardState: this.disk.durable.hardState,
      configuration: this.machine.configuration,
      applied: this.machine.applied.index,
      electionTicks: plan.electionTicks,
      heartbeatTicks: plan.heartbeatTicks,
      preVote: plan.preVote || calm,
      checkQuorum: plan.checkQuorum,
      leaseReads: plan.leaseReads,
      forwardProposals: false,
      stepDownOnRemoval: true,
      checkChanges: true,
      emptyMayVote: false,
      applyUnstable: false,
      appendBytesMax: plan.appendBytesMax,
      inflightMessagesMax: plan.inflightMessagesMax,
      inflightBytesMax: plan.inflightBytesMax,
      uncommittedBytesMax: plan.uncommittedBytesMax,
      applyingBytesMax: plan.applyingBytesMax,
      random: (limit) => chance.below(limit),
      incarnation: `${this.name}.${this.#lives}`,
      trace: (event) => { this.#heard(event) },
    }
  }

  /** Power is gone, or the process is killed. `start` begins its next life. */
  async crash (why: string): Promise<void> {
    if (this.#life === null) return
    this.#life = null
    this.#lives++
    this.#turnPlanned = false
    this.#failing = false
    this.#writes = []
    this.#taken = []
    for (const context of [...this.#reads.keys()]) this.readLost(context)
    const snapshot = this.disk.crash()
    if (snapshot === null) {
      if (this.machine.crash(this.#world.chance) > 0) this.#world.counts.add('state machines set back')
    } else await this.machine.install(this.#contentsOf(snapshot))
    this.#arrived = []
    await this.machine.open()
    say(this.#world, this.name, () => `dies (${why}): keeps log ${this.disk.firstIndex} to ${this.disk.lastIndex}, ` +
      `applied ${this.machine.applied.index}`)
  }

  // What comes in.

  receive (message: Message, contents?: Contents): void {
    if (contents !== undefined) this.#arrived = [...this.#arrived.slice(1 - arrivedKept), contents]
    this.#around.checks.received(this, message)
    this.core.step(message)
    this.touch()
  }

  /** The answer may never come: ask elsewhere after a while. */
  askToWrite (data: Buffer, answer: WriteAnswer): void {
    this.#life!.driver.propose(data, answer)
    this.touch()
  }

  /** The answer may never come. False when no leader is known, and then none does. */
  askToRead (answer: ReadAnswer): boolean {
    const context = this.core.readIndex()
    if (context !== null) {
      this.#around.checks.reading(this, context)
      this.#reads.set(context, answer)
    }
    this.touch()
    return context !== null
  }

  propose (entries: readonly ProposedEntry[]): ProposalResult {
    const result = this.core.propose(entries)
    this.touch()
    return result
  }

  /** There is something to do. */
  touch (): void {
    const { plan } = this.#world
    if (plan.turnMicros === 0) {
      this.#turn()
    } else if (!this.#turnPlanned) {
      this.#turnPlanned = true
      this.#later(plan.turnMicros, () => {
        this.#turnPlanned = false
        this.#turn()
      })
    }
  }

  #turn (): void {
    this.#life!.driver.turn()
    if (this.#failing) {
      this.#later(0, () => this.crash('disk full'))
      return
    }
    this.#around.checks.turned(this)
    if (this.configurations.length > 1) this.configurations = this.configurations.slice(-1)
  }

  #tick (): void {
    this.ticks++
    this.#life!.driver.tick()
    this.touch()
    this.#later(this.tickMicros, () => { this.#tick() })
  }

  /** Unless it dies before. */
  #later (micros: number, happen: () => void | Promise<void>): void {
    const life = this.#lives
    this.#world.events.after(micros, () => life === this.#lives ? happen() : undefined)
  }

  // What the driver does to the world.

  persist (request: PersistRequest, done: () => void): void {
    if (this.#failing) return
    this.#around.checks.persisting(this, request)
    if (this.diskFull) {
      this.#failing = true
      return
    }
    this.onWrite?.()
    this.#writes.push(this.ticks)
    this.disk.append(request, () => {
      this.#writes.shift()
      done()
      this.touch()
    })
  }

  send (message: Message): void {
    if (this.#failing) return
    this.#around.checks.sending(this, message)
    if (message.type !== 'snapshot') {
      this.#around.send(message)
      return
    }
    const life = this.#lives
    this.#around.transfer(message, this.#contentsOf(message.snapshot), (arrived) => {
      if (life !== this.#lives) return
      this.core.reportSnapshot(message.to, arrived)
      this.touch()
    })
  }

  apply (request: ApplyRequest, done: Applied): void {
    this.#life!.applier.add(request, (outcomes) => {
      done(outcomes)
      this.touch()
    })
  }

  async #applyNow (request: ApplyRequest): Promise<Array<Outcome | null>> {
    this.#around.checks.applying(this, request.entries)
    const outcomes = await this.machine.apply(request)
    this.#around.checks.applied(this, request)
    return outcomes
  }

  read (context: string): void {
    this.#answerRead(context, this)
  }

  readLost (context: string): void {
    this.#answerRead(context, null)
  }

  #answerRead (context: string, node: SimNode | null): void {
    const answer = this.#reads.get(context)
    this.#reads.delete(context)
    if (answer !== undefined) this.#world.events.after(0, () => answer(node?.isUp === true ? node : null))
  }

  softState (state: SoftState): void {
    this.soft = state
  }

  #heard (event: TraceEvent): void {
    if (event.event === 'configuration') {
      this.configurations.push(event.configuration)
      this.#wasMember ||= allMembers(event.configuration).includes(this.id)
    }
    if (event.event === 'role' && event.role === 'leader') this.#world.counts.add('elections')
    say(this.#world, this.name, () => describeEvent(event))
  }

  // What the disk asks for.

  snapshot (): Snapshot | undefined {
    const { chance, calm } = this.#world
    if (!calm && chance.chance(0.1)) return undefined
    const { applied: { index, term }, configuration } = this.machine
    if (this.#taken.at(-1)?.index !== index) {
      this.#taken = [...this.#taken.slice(1 - takenKept), this.machine.contents()]
    }
    return { index, term, configuration }
  }

  fetched (): void {
    this.core.fetched()
    this.touch()
  }

  async install (snapshot: Snapshot): Promise<void> {
    await this.machine.install(this.#contentsOf(snapshot))
    this.#around.checks.installed(this)
  }

  whenApplied (then: () => Promise<void>): void | Promise<void> {
    return this.#life!.applier.whenIdle(then)
  }

  #contentsOf ({ index, term }: Snapshot): Contents {
    const contents = [...this.#taken, ...this.#arrived].find((held) => held.index === index && held.term === term)
    if (contents === undefined) throw new Error(`${this.name} has no contents of the snapshot at ${index}`)
    return contents
  }

  // Housekeeping.

  #flushSoon (): void {
    const { plan, counts } = this.#world
    this.#later(about(this.#world, plan.flushMicros), async () => {
      await this.machine.flush()
      if (this.disk.compact(this.machine.flushedIndex - plan.keepEntries)) counts.add('compactions')
      this.#flushSoon()
    })
  }
}
