import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Admission } from './admission.ts'
import type { Message, NodeId } from './core/index.ts'
import { decodeForwarded, encodeAnswer, methods } from './forwarding.ts'
import type { Member } from './member.ts'
import type { Questions } from './questions.ts'
import type { Router } from './router.ts'
import type { FetchedSnapshots } from './snapshots/fetched.ts'
import type { Transport } from './transport/index.ts'

export interface PeerCallsOptions {
  /** Null while this node takes no part in any cluster. */
  member: () => Pick<Member, 'leader' | 'step' | 'hurry' | 'reportSnapshot'> | null
  /** The newest entry that the database holds. */
  applied: () => number
  router: Pick<Router, 'answer'>
  admission: Pick<Admission, 'answer'>
  questions: Pick<Questions, 'reply'>
  fetched: Pick<FetchedSnapshots, 'receive'>
  transport: Pick<Transport, 'request'>
  log: FastifyBaseLogger
}

const snapshotReportMs = 5000

const empty = Buffer.alloc(0)

/** A report that got no answer is made again after so long. */
const retryMs = 500

/** What other nodes say to this one and ask of it. */
export class PeerCalls {
  readonly #options: PeerCallsOptions

  constructor (options: PeerCallsOptions) {
    this.#options = options
  }

  receive (message: Message): void {
    const { fetched, log, transport } = this.#options
    const member = this.#options.member()
    if (member === null) return
    if (message.type !== 'snapshot') return member.step(message)
    // The core hears of a snapshot once its bytes are here.
    fetched.receive(message).then(
      (received) => { if (received !== null) member.step(received) },
      (error: Error) => {
        log.warn({ err: error }, 'a snapshot could not be fetched')
        void transport.request(message.from, methods.snapshotFailed, empty, snapshotReportMs).catch(() => {})
      })
  }

  /**
   * Tells whoever leads that the snapshot is in place. The core's answer to the leader's message is sent once, and may
   * get lost; and to a member that is busy with a snapshot a leader sends nothing. Resolves when it was told, or when
   * more came, which says that it knows.
   */
  async snapshotArrived (index: number, signal: AbortSignal): Promise<void> {
    const { applied, transport } = this.#options
    while (!signal.aborted && applied() <= index) {
      const leader = this.#options.member()?.leader ?? null
      try {
        if (leader !== null) {
          await transport.request(leader, methods.snapshotArrived, empty, snapshotReportMs)
          return
        }
      } catch {
        // Another may lead by now.
      }
      await sleep(retryMs, undefined, { signal }).catch(() => {})
    }
  }

  async answer (from: NodeId, method: number, body: Buffer): Promise<Buffer> {
    const { router, admission, questions, log } = this.#options
    switch (method) {
      case methods.propose: {
        const { proposal, origin } = decodeForwarded(body)
        log.debug({ from, ...origin }, 'a proposal of another node')
        const answer = encodeAnswer(await router.answer(proposal, origin))
        // It passes the answer on once it has applied the write itself.
        this.#options.member()?.hurry(from)
        return answer
      }
      case methods.snapshotFailed:
        this.#options.member()?.reportSnapshot(from, false)
        return empty
      case methods.snapshotArrived:
        this.#options.member()?.reportSnapshot(from, true)
        return empty
      case methods.member:
        return await admission.answer(body)
      case methods.ask:
        return questions.reply(body)
      default:
        throw new Error(`this release knows no request ${method}`)
    }
  }
}
