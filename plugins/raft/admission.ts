import type { Database } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import type { Outcome, Proposal } from '../../storage/types.ts'
import type { AddressBook } from './address-book.ts'
import { CallBack } from './call-back.ts'
import { isVoter, type NodeId } from './core/index.ts'
import { methods } from './forwarding.ts'
import type { Identify } from './identity.ts'
import type { JoinAnswer, JoinRequest } from './join.ts'
import type { Member } from './member.ts'
import type { Transport } from './transport/index.ts'

export interface AdmissionOptions {
  database: Database
  addresses: AddressBook
  transport: Pick<Transport, 'request' | 'peers'>
  nodeId: () => NodeId
  identify: Identify
  /** Null while this node takes no part in a cluster. */
  member: () => Member | null
  propose: (proposal: Proposal) => Promise<Outcome>
  /** Why there is no leader. */
  leaderless: () => string
}

/** The leader's answer to a node that asked another member. */
interface PassedOn {
  answer?: JoinAnswer
  problem?: { code: 'NO_LEADER', params: { reason: string } }
}

const passOnMs = 10_000

/** Takes in nodes that ask to join. Any member may be asked; the leader decides: it knows what the node has held. */
export class Admission {
  readonly callBack: CallBack
  readonly #options: AdmissionOptions

  constructor (options: AdmissionOptions) {
    this.#options = options
    this.callBack = new CallBack(options)
  }

  /**
   * Also for a member that has moved. Nothing is done before its address was called.
   *
   * @throws Problem NO_LEADER, WRONG_CLUSTER, NODE_LOST_DATA, NODE_REMOVED, ADDRESS_UNREACHABLE, and what a write may
   * meet
   */
  async admit (request: JoinRequest): Promise<JoinAnswer> {
    const { database, addresses, propose, leaderless } = this.#options
    const member = this.#options.member()
    if (member === null) throw new Problem('NO_LEADER', { reason: leaderless() })
    if (!member.isLeader) return await this.#passOn(member, request)
    const { id, role, peerAddress, apiAddress, isEmpty, clusterId } = request
    if (clusterId !== undefined && clusterId !== database.clusterId) {
      throw new Problem('WRONG_CLUSTER', { wanted: clusterId, clusterId: database.clusterId ?? '' })
    }
    const known = database.nodes.get(id)
    const held = member.status.members.get(id)?.match ?? 0
    if (isEmpty && known !== undefined && known.state !== 'removed' && (held > 0 || isVoter(member.configuration, id))) {
      throw new Problem('NODE_LOST_DATA', { id })
    }
    if (known?.state === 'removed' || known?.state === 'leaving') throw new Problem('NODE_REMOVED', { id })
    await this.callBack.assertReachable(id, peerAddress)
    const outcome = await propose({ kind: 'node', id, role, peerAddress, apiAddress })
    if (!outcome.ok) throw new Problem(outcome.code, outcome.params)
    addresses.learn(id, peerAddress)
    return { clusterId: database.clusterId!, members: addresses.members }
  }

  /** Answers a member that was asked and does not lead. */
  async answer (body: Buffer): Promise<Buffer> {
    try {
      return Buffer.from(JSON.stringify({ answer: await this.admit(JSON.parse(body.toString()) as JoinRequest) }))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return Buffer.from(JSON.stringify({ problem: { code: error.code, params: error.params } }))
    }
  }

  async #passOn ({ leader }: Member, request: JoinRequest): Promise<JoinAnswer> {
    const { transport, leaderless } = this.#options
    if (leader === null) throw new Problem('NO_LEADER', { reason: leaderless() })
    const bytes = await transport.request(leader, methods.member, Buffer.from(JSON.stringify(request)), passOnMs)
    const { answer, problem } = JSON.parse(bytes.toString()) as PassedOn
    if (answer === undefined) throw new Problem(problem!.code, problem!.params)
    return answer
  }
}
