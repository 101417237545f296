import { Problem, type ProblemCode, type Problems } from '../../storage/problem.ts'
import type { NodeId } from './core/index.ts'
import { methods } from './forwarding.ts'
import type { Transport } from './transport/index.ts'

export interface QuestionsOptions {
  transport: Pick<Transport, 'request'>
  nodeId: () => NodeId
  leader: () => NodeId | null
  /** Why there is no leader, for whoever asks in vain. */
  leaderless: () => string
}

type Answer = (query: unknown) => unknown

/** A leader that does not answer for so long is not asked any more. */
const patienceMs = 5000

/** What only the leader knows, and keeps in memory alone: every node asks it for that. Queries and answers are JSON. */
export class Questions {
  readonly #options: QuestionsOptions
  readonly #answers = new Map<string, Answer>()

  constructor (options: QuestionsOptions) {
    this.#options = options
  }

  /** What this node says, while it leads, to questions of this name. */
  add (name: string, answer: Answer): void {
    this.#answers.set(name, answer)
  }

  /** @throws Problem NO_LEADER, when nobody leads or the leader does not answer; or what its answer throws */
  async ask (name: string, query: unknown): Promise<unknown> {
    const { transport, leader: current, nodeId, leaderless } = this.#options
    const leader = current()
    if (leader === null) throw new Problem('NO_LEADER', { reason: leaderless() })
    if (leader === nodeId()) return this.#answer(name, query)
    const body = Buffer.from(JSON.stringify({ name, query }))
    const reply = await transport.request(leader, methods.ask, body, patienceMs).catch((error: Error) => {
      throw new Problem('NO_LEADER', { reason: `the leader did not answer: ${error.message}` }, { cause: error })
    })
    const { answer, problem } = JSON.parse(reply.toString()) as {
      answer?: unknown, problem?: { code: ProblemCode, params: Problems[ProblemCode] }
    }
    if (problem !== undefined) throw new Problem(problem.code, problem.params)
    return answer
  }

  /** For another node, which takes this one for the leader. */
  reply (body: Buffer): Buffer {
    const { name, query } = JSON.parse(body.toString()) as { name: string, query: unknown }
    try {
      return Buffer.from(JSON.stringify({ answer: this.#answer(name, query) }))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return Buffer.from(JSON.stringify({ problem: { code: error.code, params: error.params } }))
    }
  }

  #answer (name: string, query: unknown): unknown {
    const { leader, nodeId, leaderless } = this.#options
    if (leader() !== nodeId()) throw new Problem('NO_LEADER', { reason: `node ${nodeId()} leads no longer; ${leaderless()}` })
    const answer = this.#answers.get(name)
    if (answer === undefined) throw new Error(`this release knows no question ${name}`)
    return answer(query)
  }
}
