import type { Problem } from '../../storage/problem.ts'
import type { Proposal, WriteProposal } from '../../storage/types.ts'
import type { Origin } from './consensus.ts'
import type { LocalOutcome, Member } from './member.ts'

/** A write on its way to the log of the leader. */
export interface Entering {
  proposal: WriteProposal
  origin: Origin | undefined
  /** Whether somebody still waits for the outcome. What nobody waits for is not begun. */
  isWanted: () => boolean
  /**
   * Lets it pass, at once or later. `leave` is called when it is known what became of it. `holds` tells, just before it
   * is proposed, whether what let it pass still does; if not, it comes again.
   */
  pass: (leave?: () => void, holds?: () => boolean) => void
  /** Nothing was done. Null: this node does not lead any more, and another may take the write. */
  refuse: (problem: Problem | null) => void
}

/** What every write passes on the leader before it is proposed. What is slow in it holds up that write alone. */
export interface Gate {
  /** Calls `pass` or `refuse`, once. */
  admit (entering: Entering): void
  /** This node has ceased to lead: whoever waits is refused. */
  abandon (): void
}

export type EnteredOutcome = LocalOutcome | { result: 'refused', problem: Problem }

export interface Entered {
  proposal: Proposal
  origin: Origin | undefined
  isWanted: Entering['isWanted']
  answer: (outcome: EnteredOutcome) => void
  /** Called before `answer`, when this leader has it in its log. */
  appended: (() => void) | undefined
}

/** The way to the leader's log: through every gate, one after another, and out again when the outcome is known. */
export class Entrance {
  readonly #gates: Gate[] = []
  #leads = false

  /** A gate behind those that are there. */
  add (gate: Gate): void {
    this.#gates.push(gate)
  }

  /** To be told whenever this node may have begun or ceased to lead. */
  leads (leads: boolean): void {
    if (this.#leads && !leads) for (const gate of this.#gates) gate.abandon()
    this.#leads = leads
  }

  propose (member: Member, { proposal, origin, isWanted, answer, appended }: Entered): void {
    // What looks after the cluster or the database names nothing that a gate could know.
    if (proposal.kind !== 'write') return member.propose(proposal, answer)
    const leaves: (() => void)[] = []
    const holds: (() => boolean)[] = []
    const leave = (): void => { for (const each of leaves) each() }
    const enter = (at: number): void => {
      const gate = this.#gates[at]
      if (!isWanted()) {
        leave()
        return answer({ result: 'elsewhere' })
      }
      if (gate === undefined) {
        if (!holds.every((still) => still())) {
          for (const each of leaves.splice(0)) each()
          holds.length = 0
          return enter(0)
        }
        member.propose(proposal, (outcome) => {
          leave()
          answer(outcome)
        }, appended)
        return
      }
      gate.admit({
        proposal,
        origin,
        isWanted,
        pass (left, still) {
          if (left !== undefined) leaves.push(left)
          if (still !== undefined) holds.push(still)
          enter(at + 1)
        },
        refuse (problem) {
          leave()
          answer(problem === null ? { result: 'elsewhere' } : { result: 'refused', problem })
        },
      })
    }
    enter(0)
  }
}
