import type { Database } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import type { Outcome, Proposal } from '../../storage/types.ts'
import type { Origin } from './consensus.ts'
import { Entrance, type EnteredOutcome } from './entrance.ts'
import { decodeAnswer, encodeForwarded, methods, type ForwardedAnswer } from './forwarding.ts'
import type { Member } from './member.ts'
import { Proposals, type Waiting } from './proposals.ts'
import { PeerError, type Transport } from './transport/index.ts'

export interface RouterOptions {
  database: Database
  transport: Pick<Transport, 'request'>
  writesPendingMax: number
  /** Data of writes that wait for a quorum. */
  uncommittedBytesMax: number
  writeTimeoutSeconds: number
  /** So long a write waits for a leader to be known before it is refused. */
  leaderWaitSeconds: number
  /** Why there is no leader, for whoever waited in vain. */
  leaderless: () => string
}

interface Item {
  proposal: Proposal
  origin: Origin | undefined
  waiting: Waiting
  /** Of the wait for a leader, in milliseconds of the process's clock. */
  giveUpAt: number
}

/** What waits for a leader is tried again so often. */
const retryMs = 20

/**
 * Takes each proposal to the leader: this node, or another. What certainly has not happened is tried again until a
 * leader takes it; what may have happened is never sent twice, unless the state machine would recognise it.
 */
export class Router {
  readonly entrance = new Entrance()
  readonly #options: RouterOptions
  readonly #proposals: Proposals
  #member: Member | null = null
  #parked: Item[] = []
  #retry: NodeJS.Timeout | null = null
  /** Outcomes from other nodes, until this one has applied as much. */
  #behind: { index: number, resolve: () => void }[] = []
  #refusal: (() => Problem | null) = () => null
  #closed = false

  constructor (options: RouterOptions) {
    this.#options = options
    this.#proposals = new Proposals({ max: options.writesPendingMax, timeoutSeconds: options.writeTimeoutSeconds })
  }

  /** From now on there is somebody to propose to. `refusal` tells why this node takes no writes, if so. */
  attach (member: Member, refusal: () => Problem | null): void {
    this.#member = member
    this.#refusal = refusal
    this.entrance.leads(member.isLeader)
    member.watch(() => {
      this.entrance.leads(member.isLeader)
      this.#catchUp()
      this.#routeParked()
    })
  }

  get pending (): number {
    return this.#proposals.size
  }

  async propose (proposal: Proposal, origin?: Origin): Promise<Outcome> {
    if (this.#closed) throw new Problem('DRAINING', { reason: 'this node is shutting down' })
    const refusal = this.#refusal()
    if (refusal !== null) throw refusal
    // What the cluster does for itself, and operators for it, goes on when clients take all room.
    if (proposal.kind === 'write') this.#proposals.admit()
    const waiting = this.#proposals.wait()
    const giveUpAt = performance.now() + this.#options.leaderWaitSeconds * 1000
    this.#route({ proposal, origin, waiting, giveUpAt })
    return waiting.outcome
  }

  /** A proposal from another node, which takes this one for the leader. */
  async answer (proposal: Proposal, origin?: Origin): Promise<ForwardedAnswer> {
    const refusal = this.#refusal()
    if (refusal !== null) return { result: 'problem', problem: refusal }
    const member = this.#member
    if (member === null || !member.isLeader || this.#closed) return { result: 'elsewhere' }
    const local = await new Promise<EnteredOutcome>((resolve) => {
      this.entrance.propose(member, { proposal, origin, isWanted: () => !this.#closed, answer: resolve })
    })
    switch (local.result) {
      case 'applied': return local
      case 'elsewhere': return local
      case 'busy': return { result: 'problem', problem: this.#busy() }
      case 'refused': return { result: 'problem', problem: local.problem }
      case 'unknown': return { result: 'problem', problem: this.#unknown('a snapshot took its place') }
    }
  }

  /** Whoever still waits is told that the outcome is not known. */
  failAll (reason: string, cause?: Error): void {
    const options = cause === undefined ? {} : { cause }
    this.#proposals.failAll(new Problem('OUTCOME_UNKNOWN', { reason }, options))
    this.#parked = []
  }

  /** Resolves when nobody waits any more, or after so many milliseconds. New proposals are refused. */
  async drain (ms: number): Promise<void> {
    this.#closed = true
    const end = performance.now() + ms
    while (this.#proposals.size > 0 && performance.now() < end) {
      await new Promise((resolve) => { setTimeout(resolve, 5) })
    }
  }

  close (): void {
    this.#closed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.failAll('this node shut down')
    this.#proposals.close()
  }

  #route (item: Item): void {
    const member = this.#member
    const leader = member?.leader ?? null
    if (member === null || leader === null) this.#park(item)
    else if (member.isLeader) this.#proposeHere(member, item)
    else void this.#forward(leader, item)
  }

  #proposeHere (member: Member, item: Item): void {
    const { proposal, origin, waiting } = item
    const answer = (local: EnteredOutcome): void => {
      switch (local.result) {
        case 'applied': return this.#proposals.settle(waiting, local.outcome)
        case 'elsewhere': return this.#park(item)
        case 'busy': return this.#proposals.refuse(waiting, this.#busy())
        case 'refused': return this.#proposals.refuse(waiting, local.problem)
        case 'unknown': return this.#uncertain(item, 'a snapshot took the place of the log')
      }
    }
    this.entrance.propose(member, { proposal, origin, isWanted: () => this.#proposals.has(waiting), answer })
  }

  async #forward (leader: string, item: Item): Promise<void> {
    const { transport, writeTimeoutSeconds } = this.#options
    try {
      const body = encodeForwarded(item)
      const answer = decodeAnswer(await transport.request(leader, methods.propose, body, writeTimeoutSeconds * 1000))
      switch (answer.result) {
        case 'applied':
          await this.#applied(answer.index)
          return this.#proposals.settle(item.waiting, answer.outcome)
        case 'elsewhere': return this.#park(item)
        case 'problem': return this.#proposals.refuse(item.waiting, answer.problem)
      }
    } catch (error) {
      if (error instanceof PeerError && !error.sent) this.#park(item)
      else this.#uncertain(item, `the leader could not be heard any more (${(error as Error).message})`)
    }
  }

  /** With an idempotency key the same write can be sent again: the state machine recognises it. */
  #uncertain (item: Item, reason: string): void {
    const { proposal, waiting } = item
    if (proposal.kind === 'write' && proposal.idempotency !== undefined) this.#park(item)
    else this.#proposals.refuse(waiting, this.#unknown(reason))
  }

  #park (item: Item): void {
    if (!this.#proposals.has(item.waiting)) return
    if (this.#closed || performance.now() > item.giveUpAt) {
      this.#proposals.refuse(item.waiting, new Problem('NO_LEADER', { reason: this.#options.leaderless() }))
      return
    }
    this.#parked.push(item)
    this.#retry ??= setTimeout(() => {
      this.#retry = null
      this.#routeParked()
    }, retryMs)
  }

  #routeParked (): void {
    if (this.#parked.length === 0) return
    const parked = this.#parked
    this.#parked = []
    for (const item of parked) if (this.#proposals.has(item.waiting)) this.#route(item)
  }

  /** What was acknowledged can be read here at once. */
  #applied (index: number): Promise<void> {
    if (this.#options.database.applied.index >= index) return Promise.resolve()
    return new Promise((resolve) => { this.#behind.push({ index, resolve }) })
  }

  #catchUp (): void {
    if (this.#behind.length === 0) return
    const { index: applied } = this.#options.database.applied
    const behind = this.#behind
    this.#behind = behind.filter(({ index }) => index > applied)
    for (const { index, resolve } of behind) if (index <= applied) resolve()
  }

  #busy (): Problem {
    return new Problem('TOO_MUCH_UNCOMMITTED', { limitBytes: this.#options.uncommittedBytesMax })
  }

  #unknown (reason: string): Problem {
    return new Problem('OUTCOME_UNKNOWN', { reason })
  }
}
