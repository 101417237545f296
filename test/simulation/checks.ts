import type { Entry, Message } from '../../plugins/raft/core/index.ts'
import type { ApplyRequest, PersistRequest } from '../../plugins/raft/driver.ts'
import type { Canon } from './canon.ts'
import type { Check } from './check.ts'
import { commitment } from './invariants/commitment.ts'
import { databaseClock } from './invariants/database-clock.ts'
import { diskAnswers } from './invariants/disk-answers.ts'
import { durablePromises } from './invariants/durable-promises.ts'
import { electionSafety } from './invariants/election-safety.ts'
import { indexOrder } from './invariants/index-order.ts'
import { knownMatch } from './invariants/known-match.ts'
import { leaderCompleteness } from './invariants/leader-completeness.ts'
import { logMatching } from './invariants/log-matching.ts'
import { monotonic } from './invariants/monotonic.ts'
import { nothingUndone } from './invariants/nothing-undone.ts'
import { oneVote } from './invariants/one-vote.ts'
import { quorumInTouch } from './invariants/quorum-in-touch.ts'
import { readNames } from './invariants/read-names.ts'
import { roles } from './invariants/roles.ts'
import { stateMachineSafety } from './invariants/state-machine-safety.ts'
import type { SimNode } from './node.ts'
import type { Plan } from './plan.ts'

type Hook = keyof Check

/** All that must hold at every step, one promise a file. */
export class Checks implements Required<Check> {
  readonly #checks: readonly Check[]
  readonly #turned: readonly Check[]
  readonly #received: readonly Check[]

  /** `nodes` gives every node that ever was. */
  constructor (plan: Plan, canon: Canon, nodes: ReadonlyMap<string, SimNode>) {
    this.#checks = [
      electionSafety(), oneVote(), durablePromises(), logMatching(), nothingUndone(canon), leaderCompleteness(canon),
      commitment(canon, nodes), stateMachineSafety(canon), indexOrder(), monotonic(), roles(), quorumInTouch(plan),
      diskAnswers(plan), knownMatch(nodes), readNames(), databaseClock(),
    ]
    this.#turned = this.#with('turned')
    this.#received = this.#with('received')
  }

  started (node: SimNode): void {
    for (const check of this.#checks) check.started?.(node)
  }

  turned (node: SimNode): void {
    const { status } = node
    for (const check of this.#turned) check.turned!(node, status)
  }

  received (node: SimNode, message: Message): void {
    for (const check of this.#received) check.received!(node, message)
  }

  persisting (node: SimNode, request: PersistRequest): void {
    for (const check of this.#checks) check.persisting?.(node, request)
  }

  reading (node: SimNode, context: string): void {
    for (const check of this.#checks) check.reading?.(node, context)
  }

  sending (node: SimNode, message: Message): void {
    for (const check of this.#checks) check.sending?.(node, message)
  }

  applying (node: SimNode, entries: readonly Entry[]): void {
    for (const check of this.#checks) check.applying?.(node, entries)
  }

  applied (node: SimNode, request: ApplyRequest): void {
    for (const check of this.#checks) check.applied?.(node, request)
  }

  installed (node: SimNode): void {
    for (const check of this.#checks) check.installed?.(node)
  }

  #with (hook: Hook): Check[] {
    return this.#checks.filter((check) => check[hook] !== undefined)
  }
}
