import { Problem } from '../../storage/problem.ts'
import type { NodeId } from './core/index.ts'
import { methods } from './forwarding.ts'
import type { Identify } from './identity.ts'
import type { PeerStatus, Transport } from './transport/index.ts'

export interface CallBackOptions {
  nodeId: () => NodeId
  transport: Pick<Transport, 'request' | 'peers'>
  identify: Identify
}

interface Question {
  id: NodeId
  address: string
}

/** Longer than who is asked waits itself. */
const answerMs = 5000

/**
 * Whether the members reach a node where it says that it is. Each member that this one is connected to looks for
 * itself: what one of them reaches may be nothing for another, or another's own loopback.
 */
export class CallBack {
  readonly #options: CallBackOptions

  constructor (options: CallBackOptions) {
    this.#options = options
  }

  /** @throws Problem ADDRESS_UNREACHABLE, by the first member that cannot */
  async assertReachable (id: NodeId, address: string): Promise<void> {
    const { nodeId, transport } = this.#options
    const others = transport.peers().filter((peer) => peer.connected && peer.id !== id)
    const answers = await Promise.all([
      id === nodeId() ? null : this.#look({ id, address }).then((reason) => ({ by: nodeId(), reason })),
      ...others.map(async (peer) => ({ by: peer.id, reason: await this.#ask(peer, { id, address }) })),
    ])
    for (const answer of answers) {
      if (answer !== null && answer.reason !== null) {
        throw new Problem('ADDRESS_UNREACHABLE', { id, address, by: answer.by, reason: answer.reason })
      }
    }
  }

  /** Answers a member that asks whether this one reaches a node: with the reason why not, or nothing. */
  async answer (body: Buffer): Promise<Buffer> {
    return Buffer.from(await this.#look(JSON.parse(body.toString()) as Question) ?? '')
  }

  /** A member that gives no answer cannot hold up others: it may be on its way out, or of an older release. */
  async #ask ({ id: peer }: PeerStatus, question: Question): Promise<string | null> {
    const body = Buffer.from(JSON.stringify(question))
    const answer = await this.#options.transport.request(peer, methods.callBack, body, answerMs).catch(() => null)
    return answer === null || answer.length === 0 ? null : answer.toString()
  }

  async #look ({ id, address }: Question): Promise<string | null> {
    try {
      const found = await this.#options.identify(address)
      return found.id === id ? null : `node ${found.id} is there`
    } catch (error) {
      return (error as Error).message
    }
  }
}
