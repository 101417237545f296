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
  member: () => Member | null
  router: Router
  admission: Admission
  questions: Questions
  fetched: FetchedSnapshots
  transport: Pick<Transport, 'request'>
  log: FastifyBaseLogger
}

const snapshotFailedMs = 5000

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
        void transport.request(message.from, methods.snapshotFailed, Buffer.alloc(0), snapshotFailedMs).catch(() => {})
      })
  }

  async answer (from: NodeId, method: number, body: Buffer): Promise<Buffer> {
    const { router, admission, questions, log } = this.#options
    switch (method) {
      case methods.propose: {
        const { proposal, origin } = decodeForwarded(body)
        log.debug({ from, ...origin }, 'a proposal of another node')
        return encodeAnswer(await router.answer(proposal, origin))
      }
      case methods.snapshotFailed:
        this.#options.member()?.reportSnapshot(from, false)
        return Buffer.alloc(0)
      case methods.member:
        return await admission.answer(body)
      case methods.callBack:
        return await admission.callBack.answer(body)
      case methods.ask:
        return questions.reply(body)
      default:
        throw new Error(`this release knows no request ${method}`)
    }
  }
}
