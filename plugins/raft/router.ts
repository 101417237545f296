import type { Database } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import { receipted } from '../../storage/proposal.ts'
import type { Outcome, Proposal, WriteProposal } from '../../storage/types.ts'
import type { Origin } from './consensus.ts'
import { Entrance, type EnteredOutcome } from './entrance.ts'
import { decodeAnswer, encodeForwarded, methods, type ForwardedAnswer, type Until } from './forwarding.ts'
import type { Member } from './member.ts'
import { Proposals, type Waiting } from './proposals.ts'
import type { GivenReceipt, Receipts } from './receipts.ts'
import { clockOf } from './stamp.ts'
import { PeerError, type Transport } from './transport/index.ts'

export interface RouterOptions {
  database: Database
  transport: Pick<Transport, 'request'>
  receipts: Receipts
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
  /** What is waited for: the outcome, or no more than that the leader has it in its log. */
  until: Until
  /** The receipt may be changed once for one with a later deadline: nobody was told it. */
  isRenewable: boolean
  /** A leader may have it, of which nothing was heard. */
  isUncertain: boolean
  /** Of the wait for a leader, in milliseconds of the process's clock. */
  giveUpAt: number
  /** How often it was passed on to a leader. What an earlier one says counts only if it is the outcome. */
  attempts: number
}

/** A call to the leader ends so long after the waiting, which is to end for its own reason. */
const callGraceMs = 1000

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
  /** Passed on to another node that has not answered yet. */
  readonly #forwarded = new Map<Item, string>()
  /** Who led last. */
  #leader: string | null = null
  #retry: NodeJS.Timeout | null = null
  /** Outcomes from other nodes, until this one has applied as much. */
  #behind: { index: number, resolve: () => void }[] = []
  #refusal: (() => Problem | null) = () => null
  #closed = false

  constructor (options: RouterOptions) {
    this.#options = options
    this.#proposals = new Proposals({
      max: options.writesPendingMax,
      textOf: (receipt) => options.receipts.textOf(receipt),
    })
  }

  /** From now on there is somebody to propose to. `refusal` tells why this node takes no writes, if so. */
  attach (member: Member, refusal: () => Problem | null): void {
    this.#member = member
    this.#refusal = refusal
    this.entrance.leads(member.isLeader)
    member.watch(() => {
      this.entrance.leads(member.isLeader)
      this.#catchUp()
      this.#overtake(member.leader)
      this.#routeParked()
    })
  }

  get pending (): number {
    return this.#proposals.size
  }

  /** A write without a receipt is given one. */
  async propose (proposal: Proposal, origin?: Origin): Promise<Outcome> {
    return (await this.#begin(proposal, origin, 'applied').outcome)!
  }

  /** Resolves to the receipt once the leader has the write in its log. */
  async append (proposal: WriteProposal, origin?: Origin): Promise<GivenReceipt> {
    const waiting = this.#begin(proposal, origin, 'appended')
    const outcome = await waiting.outcome
    if (outcome !== null && !outcome.ok) throw new Problem(outcome.code, outcome.params)
    return waiting.receipt!
  }

  #begin (proposal: Proposal, origin: Origin | undefined, until: Until): Waiting {
    if (this.#closed) throw new Problem('DRAINING', { reason: 'this node is shutting down' })
    const refusal = this.#refusal()
    if (refusal !== null) throw refusal
    // What the cluster does for itself, and operators for it, goes on when clients take all room.
    if (proposal.kind === 'write') this.#proposals.admit()
    const { receipts, leaderWaitSeconds, writeTimeoutSeconds } = this.#options
    const isGiven = proposal.kind === 'write' && proposal.receipt === undefined
    const receipt = isGiven ? receipts.give(writeTimeoutSeconds * 1000) : null
    const waiting = this.#proposals.wait(receipt, this.#patienceMs(proposal))
    const giveUpAt = performance.now() + leaderWaitSeconds * 1000
    this.#route({
      proposal: withReceipt(proposal, receipt),
      origin,
      waiting,
      until,
      isRenewable: isGiven,
      isUncertain: false,
      giveUpAt,
      attempts: 0,
    })
    return waiting
  }

  /** A proposal from another node, which takes this one for the leader. */
  async answer (proposal: Proposal, until: Until, origin?: Origin): Promise<ForwardedAnswer> {
    const refusal = this.#refusal()
    if (refusal !== null) return { result: 'problem', problem: refusal }
    const member = this.#member
    if (member === null || !member.isLeader || this.#closed) return { result: 'elsewhere' }
    const { database } = this.#options
    const deadline = proposal.kind === 'write' ? proposal.receipt?.deadline ?? Infinity : Infinity
    // The node that passed it on does not say when it waits no more. Past the deadline nobody makes it.
    const isWanted = (): boolean => !this.#closed && clockOf(database) <= deadline
    const local = await new Promise<EnteredOutcome | { result: 'appended' }>((resolve) => {
      const appended = until === 'appended' ? () => resolve({ result: 'appended' }) : undefined
      this.entrance.propose(member, { proposal, origin, isWanted, answer: resolve, appended })
    })
    switch (local.result) {
      case 'elsewhere': return clockOf(database) > deadline ? { result: 'expired', now: clockOf(database) } : local
      case 'busy': return { result: 'problem', problem: this.#busy() }
      case 'refused': return { result: 'problem', problem: local.problem }
      case 'unknown': return { result: 'problem', problem: new Problem('OUTCOME_UNKNOWN', { reason: 'a snapshot took its place' }) }
      default: return local
    }
  }

  /** Whoever still waits is told that the outcome is not known. */
  failAll (reason: string, cause?: Error): void {
    this.#proposals.giveUpAll(reason, cause === undefined ? {} : { cause })
    this.#parked = []
    this.#forwarded.clear()
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

  /** Behind a queued write is no client that would not wait for all the time that its hooks may take. */
  #patienceMs (proposal: Proposal): number {
    const { database: { settings: { webhooks } }, writeTimeoutSeconds } = this.#options
    const hooksMs = isQueued(proposal) ? Math.max(0, ...webhooks.map(({ timeoutMs }) => timeoutMs)) : 0
    return writeTimeoutSeconds * 1000 + hooksMs
  }

  #route (item: Item): void {
    const member = this.#member
    const leader = member?.leader ?? null
    if (member === null || leader === null) this.#park(item)
    else if (member.isLeader) this.#proposeHere(member, item)
    else void this.#forward(leader, item)
  }

  #proposeHere (member: Member, item: Item): void {
    const { proposal, origin, waiting, until } = item
    const answer = (local: EnteredOutcome): void => {
      switch (local.result) {
        case 'applied': return this.#settle(item, local.outcome)
        case 'expired': return this.#expired(item, local.now)
        case 'elsewhere': return this.#park(item)
        case 'busy': return this.#refuse(item, this.#busy())
        case 'refused': return this.#refuse(item, local.problem)
        case 'unknown': return this.#uncertain(item, 'a snapshot took the place of the log')
      }
    }
    const appended = until === 'appended' ? () => this.#proposals.settle(waiting, null) : undefined
    this.entrance.propose(member, { proposal, origin, isWanted: () => this.#proposals.has(waiting), answer, appended })
  }

  async #forward (leader: string, item: Item): Promise<void> {
    const { transport } = this.#options
    const attempt = ++item.attempts
    this.#forwarded.set(item, leader)
    try {
      const body = encodeForwarded(item)
      const patienceMs = item.waiting.timeoutMs + callGraceMs
      const answer = decodeAnswer(await transport.request(leader, methods.propose, body, patienceMs))
      switch (answer.result) {
        case 'applied':
          await this.#applied(answer.index)
          if (attempt !== item.attempts && isLate(answer.outcome)) return
          return this.#settle(item, answer.outcome)
        case 'appended': return this.#proposals.settle(item.waiting, null)
      }
      if (attempt !== item.attempts) return
      switch (answer.result) {
        case 'expired': return this.#expired(item, answer.now)
        case 'elsewhere': return this.#park(item)
        case 'problem': {
          const { problem } = answer
          if (isUnknown(problem)) return this.#uncertain(item, problem.params.reason)
          return this.#refuse(item, problem)
        }
      }
    } catch (error) {
      if (attempt !== item.attempts) return
      if (error instanceof PeerError && !error.sent) this.#park(item)
      else this.#uncertain(item, `the leader could not be heard any more (${(error as Error).message})`)
    } finally {
      if (attempt === item.attempts) this.#forwarded.delete(item)
    }
  }

  /**
   * Another leads, and the one before it has not answered: its disk may hang, or the network lose everything. What the
   * state machine recognises need not wait for that.
   */
  #overtake (leader: string | null): void {
    if (leader === null || leader === this.#leader) return
    this.#leader = leader
    for (const [item, to] of this.#forwarded) {
      if (to === leader || !isRecognised(item.proposal)) continue
      this.#forwarded.delete(item)
      item.attempts++
      item.isUncertain = true
      if (this.#proposals.has(item.waiting)) this.#route(item)
    }
  }

  /** That an attempt came too late tells nothing of one that went before it; the receipt does. */
  #settle ({ waiting, isUncertain }: Item, outcome: Outcome): void {
    if (isLate(outcome) && isUncertain) this.#proposals.giveUp(waiting, 'a leader of which nothing was heard may have made it')
    else this.#proposals.settle(waiting, outcome)
  }

  /** That an attempt came to nothing tells nothing of one that went before it. */
  #refuse ({ waiting, isUncertain }: Item, problem: Problem): void {
    if (isUncertain) this.#proposals.giveUp(waiting, 'a leader of which nothing was heard may have made it')
    else this.#proposals.refuse(waiting, problem)
  }

  /** What the state machine would recognise can be sent again, under the same receipt. */
  #uncertain (item: Item, reason: string): void {
    const { proposal, waiting } = item
    item.isUncertain = true
    if (isRecognised(proposal)) this.#park(item)
    else this.#proposals.giveUp(waiting, reason)
  }

  /** The leader's clock is far ahead of this node's, or the write has waited for long. It is given one more time. */
  #expired (item: Item, now: number): void {
    const { receipts, writeTimeoutSeconds } = this.#options
    const { proposal, waiting } = item
    receipts.heardClock(now)
    const isOver = !this.#proposals.has(waiting) || waiting.deadline < performance.now()
    if (isOver || proposal.kind !== 'write') return
    if (!item.isRenewable || item.isUncertain) {
      const deadline = new Date(proposal.receipt!.deadline).toISOString()
      return this.#settle(item, { ok: false, code: 'WRITE_EXPIRED', params: { deadline }, revision: 0 })
    }
    item.isRenewable = false
    waiting.receipt = receipts.give(writeTimeoutSeconds * 1000)
    item.proposal = withReceipt(proposal, waiting.receipt)
    this.#route(item)
  }

  #park (item: Item): void {
    if (!this.#proposals.has(item.waiting)) return
    if (this.#closed || performance.now() > item.giveUpAt) {
      return this.#refuse(item, new Problem('NO_LEADER', { reason: this.#options.leaderless() }))
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
}

/** Whether the state machine takes it once, however often it is sent. */
function isRecognised (proposal: Proposal): boolean {
  return proposal.kind === 'write' && (proposal.idempotency !== undefined || isQueued(proposal))
}

function isQueued (proposal: Proposal): boolean {
  return proposal.kind === 'write' && proposal.receipt?.isRepeated === true
}

function isLate (outcome: Outcome): boolean {
  return !outcome.ok && outcome.code === 'WRITE_EXPIRED'
}

function isUnknown (problem: Problem): problem is Problem<'OUTCOME_UNKNOWN'> {
  return problem.code === 'OUTCOME_UNKNOWN'
}

function withReceipt (proposal: Proposal, receipt: GivenReceipt | null): Proposal {
  return receipt === null || proposal.kind !== 'write' ? proposal : receipted(proposal, receipt)
}
