import { allMembers, isJoint } from '../../plugins/raft/core/index.ts'
import { families } from '../../storage/store.ts'
import type { Auditor } from './auditor.ts'
import type { Canon } from './canon.ts'
import type { Client } from './client.ts'
import type { Cluster } from './cluster.ts'
import { shortId } from './describe.ts'
import type { Operator } from './operator.ts'
import type { SimNode } from './node.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

/** How long the cluster may take to heal. Much, because some limits let only one entry through at a time. */
const healingMicros = 30_000_000

const lookMicros = 20_000

/** Who act in a simulation, beside the nodes and those who do them harm. */
export interface Actors {
  clients: readonly Client[]
  operator: Operator
  auditor: Auditor
}

/** After the faults: what must come about by itself, and does so or is a violation. */
export class Calm {
  readonly #world: World
  readonly #canon: Canon
  readonly #cluster: Cluster
  readonly #clients: readonly Client[]
  readonly #operator: Operator
  readonly #auditor: Auditor
  readonly #until: number
  #answered: { writes: number, reads: number }[] = []
  /**
   * Quiet: clients are silent until everybody agrees. Last: they get the answers that they wait for. Receipts: each of
   * them tells.
   */
  #stage: 'quiet' | 'serving' | 'last' | 'receipts'

  /** Everything has come about. */
  isOver = false

  constructor (world: World, canon: Canon, cluster: Cluster, { clients, operator, auditor }: Actors) {
    this.#world = world
    this.#canon = canon
    this.#cluster = cluster
    this.#clients = clients
    this.#operator = operator
    this.#auditor = auditor
    this.#until = world.events.now + healingMicros
    this.#stage = world.plan.quietCalm ? 'quiet' : 'serving'
    if (this.#stage === 'quiet') for (const client of clients) client.pause()
    this.#note()
  }

  get #lastStage (): 'last' | 'receipts' {
    return this.#world.plan.receipts ? 'receipts' : 'last'
  }

  async look (): Promise<void> {
    await this.#start()
    const missing = this.#missing()
    if (missing === null && this.#stage !== this.#lastStage) {
      this.#next()
      this.#world.events.after(lookMicros, () => this.look())
    } else if (missing === null) {
      this.#compare()
      this.isOver = true
    } else if (this.#world.events.now > this.#until) {
      throw new Violation('healing', `after ${healingMicros / 1_000_000} s without a fault ${missing}`)
    } else {
      this.#world.events.after(lookMicros, () => this.look())
    }
  }

  #next (): void {
    if (this.#stage === 'quiet') {
      this.#stage = 'serving'
      this.#note()
      for (const client of this.#clients) client.resume()
    } else if (this.#stage === 'serving') {
      this.#stage = 'last'
      for (const client of this.#clients) client.stop()
    } else {
      this.#stage = 'receipts'
      this.#auditor.finish()
    }
  }

  #note (): void {
    this.#answered = this.#clients.map(({ answered }) => ({ ...answered }))
  }

  /** Who is needed runs, also when a change came through only now. Who is not is stopped, unless it disturbs nobody. */
  async #start (): Promise<void> {
    for (const node of this.#cluster.nodes.values()) {
      if (this.#cluster.isNeeded(node.id)) {
        if (!node.isUp && !node.lost) node.start()
      } else if (!this.#world.plan.checkQuorum) {
        await node.crash('is needed no longer')
      }
    }
  }

  get members (): SimNode[] {
    return allMembers(this.#cluster.configuration).map((id) => this.#cluster.nodes.get(id)!)
  }

  /** What has not come about yet; null when all has. */
  #missing (): string | null {
    const { configuration, leaders: [leader] } = this.#cluster
    if (isJoint(configuration)) return 'the configuration is joint'
    if (!this.#operator.isDone) return 'the operator waits for members'
    if (leader === undefined) return 'nobody leads'
    const astray = this.members.find(({ soft, id }) => id !== leader.id && soft.leader !== leader.id)
    if (astray !== undefined) return `${astray.name} does not follow ${leader.name}`
    if (this.#stage === 'serving') return this.#unanswered()
    const busy = this.#clients.find(({ isBusy }) => isBusy)
    if (busy !== undefined) return `client ${busy.name} waits for its last answer`
    if (this.#auditor.missing !== null) return this.#auditor.missing
    const { lastIndex } = leader.disk.shown
    const behind = this.members.find(({ machine }) => machine.applied.index < lastIndex)
    if (behind !== undefined) return `${behind.name} has applied ${behind.machine.applied.index} of ${lastIndex}`
    return null
  }

  #unanswered (): string | null {
    const unanswered = this.#clients.find(({ answered }, at) => (
      answered.writes === this.#answered[at]!.writes || answered.reads === this.#answered[at]!.reads))
    return unanswered === undefined ? null : `${unanswered.name} has not been served both a read and a write`
  }

  /** Every change that ever took effect is there, and the databases are the same byte for byte. */
  #compare (): void {
    const [first, ...others] = this.members
    const { revision } = first!.machine.database
    if (revision !== this.#canon.feed.length - 1) {
      throw new Violation('acknowledged writes',
        `${first!.name} ends at revision ${revision}, and the feed went to ${this.#canon.feed.length - 1}`)
    }
    for (const other of others) {
      for (const family of families) {
        const expected = first!.machine.rows.families.get(family)!.held
        const found = other.machine.rows.families.get(family)!.held
        const differs = expected.size !== found.size ||
          [...expected].some(([key, { value }]) => found.get(key)?.value.equals(value) !== true)
        if (differs) {
          throw new Violation('equal databases', `${shortId(first!.id)} and ${other.name} differ in family ${family}`)
        }
      }
    }
  }
}
