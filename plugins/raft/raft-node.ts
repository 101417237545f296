import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { Database, NodeRecord } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import type { Outcome, Proposal } from '../../storage/types.ts'
import { assertMeet, formCluster } from './beginning.ts'
import type { Consensus, ConsensusStatus, Origin } from './consensus.ts'
import type { Message, MemberStatus, NodeId } from './core/index.ts'
import { allMembers, allVoters, isVoter } from './core/index.ts'
import { DataFolderError } from './data-folder-error.ts'
import { decodeForwarded, encodeAnswer, methods } from './forwarding.ts'
import { Joined, joinCluster, type JoinAnswer, type JoinRequest } from './join.ts'
import type { Log } from './log/index.ts'
import { Member } from './member.ts'
import { openPeer } from './peer-http.ts'
import { PeerListener, type RenderProblem } from './peer-listener.ts'
import type { PeerSecurity } from './peer-security.ts'
import { Router } from './router.ts'
import { FetchedSnapshots, type SnapshotProgress } from './snapshots/fetched.ts'
import { ImageFolder } from './snapshots/files.ts'
import { MadeSnapshots } from './snapshots/made.ts'
import { bestHeir, Steward } from './steward.ts'
import { connectPlainly, Transport, type Connect, type PeerStatus } from './transport/index.ts'

export interface RaftNodeOptions {
  nodeId: NodeId
  /** Gives this node another id, durably, and resolves to it. */
  renewNodeId: () => Promise<NodeId>
  dataDir: string
  database: Database
  log: Log
  logger: FastifyBaseLogger
  /** Peers' addresses of members to join; none to form a cluster where there is none yet. */
  join: readonly string[]
  role: 'voter' | 'replica'
  writesPendingMax: number
  writeTimeoutSeconds: number
  leaderWaitSeconds: number
  idempotencySeconds: number
  flushLogBytes: number
  uncommittedBytesMax: number
  diskSeconds: number
  snapshotBytesPerSecond: number
  peerBufferBytesMax: number
  /** Null to speak to peers without TLS. */
  security: PeerSecurity | null
  renderProblem: RenderProblem
  onApplied?: (event: { commands: number, seconds: number }) => void
  onSnapshot?: (event: SnapshotProgress) => void
  /** Another node leads, as far as this one knows, or none. */
  onLeader?: () => void
}

/** Where others reach this node. */
export interface OwnAddresses {
  peerAddress: string
  apiAddress: string
}

/** A member as this node sees it. */
export interface MemberView extends NodeRecord {
  /** On the leader: the newest entry that it is known to hold. */
  matchIndex: number | null
  peer: PeerStatus | null
}

/** Replaying more than these may take a while. */
const manyEntries = 10_000

/** Long work tells how far it is so often. */
const progressMs = 5000

/** One node of the cluster: what connects the member, its peers, its snapshots and the node list. */
export class RaftNode implements Consensus {
  readonly #options: RaftNodeOptions
  readonly #router: Router
  readonly #transport: Transport
  readonly #listener: PeerListener
  readonly #made: MadeSnapshots
  readonly #fetched: FetchedSnapshots
  readonly #joined: Joined
  readonly #connect: Connect
  readonly #closing = new AbortController()
  #nodeId: NodeId
  #member: Member | null = null
  #steward: Steward | null = null
  #answer: JoinAnswer | null = null
  #own: OwnAddresses | null = null
  /** What peers said in handshakes, which is newer than the node list after a restart. */
  readonly #addresses = new Map<NodeId, string>()
  /** Why this node takes no part yet, or no more. */
  #outside: string | null = 'it has not started yet'
  #diskRefusal: Error | null = null
  #leader: NodeId | null = null
  #announcing = false

  private constructor (options: RaftNodeOptions, made: ImageFolder, fetched: ImageFolder) {
    const { database, log, logger, dataDir, security } = options
    this.#options = options
    this.#nodeId = options.nodeId
    this.#joined = new Joined(dataDir)
    this.#connect = security === null ? connectPlainly : (host, port, id) => security.connect(host, port, id)
    this.#transport = new Transport({
      nodeId: () => this.#nodeId,
      clusterId: () => database.clusterId ?? this.#answer?.clusterId ?? null,
      addressOf: (id) => this.#addressOf(id),
      admit: (id) => this.#isRemoved(id)
        ? { code: 'removed', reason: 'it was removed from the cluster; its id is not used again' }
        : null,
      advertised: () => this.#own?.peerAddress ?? null,
      onMessage: (message) => this.#receive(message),
      onUnreachable: (id) => {
        this.#member?.reportUnreachable(id)
        this.#member?.reportSnapshot(id, false)
      },
      onAddress: (id, address) => { this.#addresses.set(id, address) },
      onRefused: (_id, { code, reason }) => { if (code === 'removed') this.#removed(reason) },
      onRequest: (from, method, body) => this.#answerPeer(from, method, body),
      log: logger,
      bufferBytesMax: options.peerBufferBytesMax,
      connect: this.#connect,
      ...(security === null ? {} : { mismatch: (socket, claim) => security.mismatch(socket, claim) }),
    })
    this.#router = new Router({
      database,
      transport: this.#transport,
      writesPendingMax: options.writesPendingMax,
      writeTimeoutSeconds: options.writeTimeoutSeconds,
      leaderWaitSeconds: options.leaderWaitSeconds,
      leaderless: () => this.leaderless,
    })
    this.#made = new MadeSnapshots({
      database,
      folder: made,
      onMade: (event) => logger.info(event, 'a snapshot was made for a follower that is behind the log'),
      onFailure: (error) => logger.error({ err: error }, 'a snapshot could not be made'),
    })
    this.#fetched = new FetchedSnapshots({
      database,
      log,
      folder: fetched,
      markerPath: join(dataDir, 'snapshots', 'installing'),
      request: async (from, path, offset, signal) => {
        const address = this.#addressOf(from)
        if (address === null) throw new Error(`the address of ${from} is not known`)
        return openPeer(this.#connect, address, `${path}?offset=${offset}`, signal)
      },
      onProgress: (event) => {
        options.onSnapshot?.(event)
        const { error, ...facts } = event
        logger[error === undefined ? 'info' : 'warn']({ ...facts, ...(error === undefined ? {} : { err: error }) },
          'snapshot: %s', event.state)
      },
    })
    this.#listener = new PeerListener({
      transport: this.#transport,
      security,
      folder: made,
      imageAt: (index, term) => this.#made.file(index, term),
      snapshotBytesPerSecond: options.snapshotBytesPerSecond,
      join: (request) => this.#admit(request),
      renderProblem: options.renderProblem,
      log: logger,
    })
  }

  /**
   * Recovers what the data folder holds and takes part in its cluster; forms a new one of this node alone where there
   * is none and none is to be joined. A node that is the only voter leads when this resolves.
   *
   * @throws DataFolderError when database and log do not meet
   */
  static async open (options: RaftNodeOptions): Promise<RaftNode> {
    const { dataDir } = options
    const made = await ImageFolder.open(join(dataDir, 'snapshots', 'made'))
    await made.keepOnly([])
    const fetched = await ImageFolder.open(join(dataDir, 'snapshots', 'fetched'))
    const node = new RaftNode(options, made, fetched)
    await node.#begin()
    return node
  }

  get nodeId (): NodeId {
    return this.#nodeId
  }

  get leads (): boolean {
    return this.#outside === null && this.#member?.isLeader === true
  }

  get status (): ConsensusStatus {
    const { database, log } = this.#options
    const status = this.#member?.status
    return {
      nodeId: this.#nodeId,
      leader: this.#member?.leader ?? null,
      term: status?.term ?? log.hardState.term,
      lastIndex: log.lastIndex,
      commitIndex: status?.commit ?? log.hardState.commit,
      appliedIndex: database.applied.index,
    }
  }

  get pending (): number {
    return this.#router.pending
  }

  get failure (): Error | null {
    return this.#member?.failure ?? null
  }

  /** What keeps this node from serving; null when nothing does. */
  get unready (): string | null {
    const member = this.#member
    if (this.#outside !== null) return this.#outside
    if (member === null) return 'it has not started yet'
    if (member.failure !== null) return `writes have failed: ${member.failure.message}`
    if (this.#diskRefusal !== null) return this.#diskRefusal.message
    if (member.diskHangs) return 'the disk does not answer'
    if (member.leader === null) return this.leaderless
    return null
  }

  /** Why there is no leader, in a sentence. */
  get leaderless (): string {
    const member = this.#member
    if (this.#outside !== null) return this.#outside
    if (member === null) return 'this node has not started yet'
    const voters = allVoters(member.configuration)
    const connected = this.#transport.peers().filter((peer) => peer.connected).map(({ id }) => id)
    const reached = voters.filter((id) => id === this.#nodeId || connected.includes(id))
    const quorum = Math.floor(voters.length / 2) + 1
    const missing = voters.filter((id) => !reached.includes(id)).map((id) => `${id} at ${this.#addressOf(id) ?? 'an unknown address'}`)
    if (reached.length >= quorum) return 'no leader is known; an election is under way'
    return `no leader can be elected: ${reached.length} of ${voters.length} voters can be reached, and ${quorum} are needed ` +
      `(missing: ${missing.join(', ')})`
  }

  get members (): MemberView[] {
    const { database } = this.#options
    const status = this.#member?.status
    const peers = new Map(this.#transport.peers().map((peer) => [peer.id, peer]))
    const matches: ReadonlyMap<NodeId, MemberStatus> = status?.members ?? new Map()
    return [...database.nodes.values()].filter(({ state }) => state !== 'removed').map((node) => ({
      ...node,
      matchIndex: matches.get(node.id)?.match ?? null,
      peer: peers.get(node.id) ?? null,
    }))
  }

  async propose (proposal: Proposal, origin?: Origin): Promise<Outcome> {
    return this.#router.propose(proposal, origin)
  }

  async readBarrier (): Promise<void> {
    if (this.#outside !== null) throw new Problem('NO_LEADER', { reason: this.#outside })
    const member = this.#member!
    await member.readBarrier()
  }

  /** Opens the listener for other nodes. Resolves to its address. */
  listen (host: string, port: number): Promise<string> {
    return this.#listener.listen(host, port)
  }

  /** Says where others reach this node: joins if that is to be done, and keeps the node list right. */
  announce (addresses: OwnAddresses): void {
    this.#own = addresses
    if (this.#member === null) void this.#join()
    else void this.#announce()
  }

  /**
   * Has another lead: the node that is named, or the best follower. Resolves when this node leads no longer, or with
   * false when nobody took over within two election timeouts.
   */
  async handOver (to: NodeId | null): Promise<boolean> {
    const member = this.#member
    if (member === null || member.leader === null) return false
    const { electionMs } = this.#options.database.settings
    const heir = to ?? bestHeir(member.status.members, this.#options.database.nodes, this.#nodeId)
    if (heir === null) return false
    if (member.leader === heir) return true
    member.transferLeadership(heir)
    const isDone = (): boolean => to === null ? !member.isLeader : member.leader === to
    return await this.#waitFor(member, isDone, electionMs * 2)
  }

  /** Resolves with true when the node is what the list says that it shall be, with false after so many milliseconds. */
  async settled (id: NodeId, ms: number): Promise<boolean> {
    const member = this.#member
    if (member === null) return false
    return await this.#waitFor(member, () => {
      const node = this.#options.database.nodes.get(id)
      return node === undefined || node.state === node.role || node.state === 'removed'
    }, ms)
  }

  /** Lets go of leadership, finishes what is in flight, and closes. */
  async close (): Promise<void> {
    this.#closing.abort()
    if (this.#member?.isLeader === true) await this.handOver(null)
    await this.#router.drain(this.#options.writeTimeoutSeconds * 1000)
    this.#steward?.close()
    this.#fetched.close()
    this.#router.close()
    // A listener has closed when its last connection has.
    await this.#transport.close()
    await this.#listener.close()
    await this.#member?.close()
    await this.#made.close()
  }

  async #begin (): Promise<void> {
    const { database, log } = this.#options
    await this.#fetched.recover()
    if (database.isTorn) {
      throw new DataFolderError('DATABASE_LOST', 'A snapshot was being installed when this node stopped, and its image is ' +
        'gone. Remove the data folder and let the node join again: it gets a new id.')
    }
    assertMeet(database, log)
    this.#answer = await this.#joined.read()
    const isEmpty = database.clusterId === null && log.lastIndex === 0 && log.hardState.term === 0
    const isNew = isEmpty && this.#answer === null
    const ranAlone = database.clusterId !== null && database.configuration === null
    if (isNew && this.#options.join.length > 0) {
      this.#outside = `it is about to join the cluster at ${this.#options.join.join(', ')}`
      return
    }
    if (isNew || ranAlone) {
      await formCluster(log, this.#nodeId, database.clusterId === null ? randomBytes(8).toString('hex') : null)
    }
    const member = this.#start()
    // What the log says is committed needs nobody else, and tells who decides about the rest: if that is this node
    // alone, all of the log is committed.
    const { commit } = log.hardState
    const { logger } = this.#options
    const missing = log.lastIndex - database.applied.index
    if (missing > manyEntries) {
      logger.info({ entries: missing }, 'the log holds %d entries that the database lacks: they are applied first', missing)
    }
    const progress = setInterval(() => {
      logger.info({ applied: database.applied.index, lastIndex: log.lastIndex }, 'entries of the log are being applied')
    }, progressMs)
    progress.unref()
    await this.#waitFor(member, () => database.applied.index >= commit, Infinity)
    const voters = allVoters(member.configuration)
    if (voters.length === 1 && voters[0] === this.#nodeId) {
      await this.#waitFor(member, () => member.isLeader && database.applied.term === member.status.term, Infinity)
    }
    clearInterval(progress)
    if (member.failure !== null) throw member.failure
  }

  #start (): Member {
    const { database, log, logger } = this.#options
    const member = new Member({
      nodeId: this.#nodeId,
      database,
      log,
      idempotencySeconds: this.#options.idempotencySeconds,
      flushLogBytes: this.#options.flushLogBytes,
      uncommittedBytesMax: this.#options.uncommittedBytesMax,
      diskSeconds: this.#options.diskSeconds,
      leaderWaitSeconds: this.#options.leaderWaitSeconds,
      leaderless: () => this.leaderless,
      send: (message) => this.#transport.send(message),
      snapshot: (since) => this.#made.offer(since),
      install: (snapshot) => this.#fetched.install(snapshot),
      keepFrom: () => this.#made.keepFrom,
      ...(this.#options.onApplied === undefined ? {} : { onApplied: this.#options.onApplied }),
      onSoftState: ({ leader, role }) => {
        if (leader !== this.#leader) this.#options.onLeader?.()
        this.#leader = leader
        logger.info({ leader, role, term: member.status.term }, 'raft: %s', role)
      },
      onTrace: (event) => logger.debug(event, 'raft: %s', event.event),
      onDiskRefusal: (error) => {
        this.#diskRefusal = error
        if (error !== null) logger.error({ err: error }, 'the log takes nothing more; it is tried again and again')
      },
      onFailure: (error) => {
        logger.fatal({ err: error }, 'this node can write no more; mend the cause and start it again')
        this.#router.failAll(error.message, error)
      },
    })
    this.#member = member
    this.#outside = null
    this.#router.attach(member, () => this.#refusal())
    this.#steward = new Steward({
      database,
      member,
      nodeId: this.#nodeId,
      onChange: (changes) => logger.info({ changes }, 'the configuration is to follow the node list'),
    })
    database.listenNodes(() => this.#setPeers())
    database.listenRestore(() => this.#setPeers())
    this.#setPeers()
    member.start()
    return member
  }

  /** The node list, and whoever the configuration or the answer to the join call names. */
  #setPeers (): void {
    const { database } = this.#options
    const ids = new Set(this.#answer?.members.map(({ id }) => id))
    for (const id of allMembers(this.#member!.configuration)) ids.add(id)
    for (const { id, state } of database.nodes.values()) {
      if (state === 'removed') ids.delete(id)
      else ids.add(id)
    }
    ids.delete(this.#nodeId)
    this.#transport.setPeers(ids)
    if (this.#isRemoved(this.#nodeId)) this.#removed('it was removed from the cluster')
  }

  #addressOf (id: NodeId): string | null {
    const listed = this.#options.database.nodes.get(id)?.peerAddress
    if (this.#addresses.has(id)) return this.#addresses.get(id)!
    if (listed !== undefined && listed !== '') return listed
    return this.#answer?.members.find((member) => member.id === id)?.peerAddress ?? null
  }

  #isRemoved (id: NodeId): boolean {
    return this.#options.database.nodes.get(id)?.state === 'removed'
  }

  #removed (reason: string): void {
    if (this.#outside !== null) return
    this.#outside = `${reason}: this node takes no more part; stop it, and to use the machine again start it with an empty data folder`
    this.#options.logger.error(this.#outside)
    this.#router.failAll(this.#outside)
  }

  #refusal (): Problem | null {
    const member = this.#member
    if (member !== null && member.failure !== null) return new Problem('STORAGE_FAILED', { reason: member.failure.message })
    if (this.#outside !== null) return new Problem('NO_LEADER', { reason: this.#outside })
    return null
  }

  #receive (message: Message): void {
    const member = this.#member
    if (member === null) return
    if (message.type !== 'snapshot') return member.step(message)
    // The core hears of a snapshot once its bytes are here.
    this.#fetched.receive(message).then(
      (received) => { if (received !== null) member.step(received) },
      (error: Error) => {
        this.#options.logger.warn({ err: error }, 'a snapshot could not be fetched')
        void this.#transport.request(message.from, methods.snapshotFailed, Buffer.alloc(0), 5000).catch(() => {})
      })
  }

  async #answerPeer (from: NodeId, method: number, body: Buffer): Promise<Buffer> {
    switch (method) {
      case methods.propose: {
        const { proposal, origin } = decodeForwarded(body)
        this.#options.logger.debug({ from, ...origin }, 'a proposal of another node')
        return encodeAnswer(await this.#router.answer(proposal))
      }
      case methods.snapshotFailed:
        this.#member?.reportSnapshot(from, false)
        return Buffer.alloc(0)
      case methods.member: {
        try {
          return Buffer.from(JSON.stringify({ answer: await this.#admit(JSON.parse(body.toString()) as JoinRequest) }))
        } catch (error) {
          if (!(error instanceof Problem)) throw error
          return Buffer.from(JSON.stringify({ problem: { code: error.code, params: error.params } }))
        }
      }
      default:
        throw new Error(`this release knows no request ${method}`)
    }
  }

  /** Another node asks to join: the leader decides, for it knows what the node has held. */
  async #admit (request: JoinRequest): Promise<JoinAnswer> {
    const { database } = this.#options
    const member = this.#member
    if (member === null || this.#outside !== null) throw new Problem('NO_LEADER', { reason: this.leaderless })
    if (!member.isLeader) return await this.#passOn(member, request)
    const { id, role, peerAddress, apiAddress, isEmpty } = request
    const known = database.nodes.get(id)
    const held = member.status.members.get(id)?.match ?? 0
    if (isEmpty && known !== undefined && known.state !== 'removed' && (held > 0 || isVoter(member.configuration, id))) {
      throw new Problem('NODE_LOST_DATA', { id })
    }
    const outcome = await this.propose({ kind: 'node', id, role, peerAddress, apiAddress })
    if (!outcome.ok) throw new Problem(outcome.code, outcome.params)
    this.#addresses.set(id, peerAddress)
    return {
      clusterId: database.clusterId!,
      members: [...database.nodes.values()].filter(({ state }) => state !== 'removed')
        .map(({ id: other }) => ({ id: other, peerAddress: this.#addressOf(other) ?? '' })),
    }
  }

  async #passOn (member: Member, request: JoinRequest): Promise<JoinAnswer> {
    const { leader } = member
    if (leader === null) throw new Problem('NO_LEADER', { reason: this.leaderless })
    const bytes = await this.#transport.request(leader, methods.member, Buffer.from(JSON.stringify(request)), 10_000)
    const { answer, problem } = JSON.parse(bytes.toString()) as {
      answer?: JoinAnswer, problem?: { code: 'NO_LEADER', params: { reason: string } }
    }
    if (answer === undefined) throw new Problem(problem!.code, problem!.params)
    return answer
  }

  async #join (): Promise<void> {
    const { join: addresses, logger, role } = this.#options
    try {
      const answer = await joinCluster({
        connect: this.#connect,
        addresses,
        request: () => ({ id: this.#nodeId, role, ...this.#own!, isEmpty: true }),
        onLostData: async () => {
          const old = this.#nodeId
          this.#nodeId = await this.#options.renewNodeId()
          logger.warn({ old, id: this.#nodeId }, 'the cluster gave data to this node that it has lost; it joins anew under a new id, and the old one is to be removed (changewell member remove %s)', old)
        },
        onWaiting: (reason) => {
          this.#outside = `it waits to join the cluster: ${reason}`
          logger.warn(this.#outside)
        },
        signal: this.#closing.signal,
      })
      await this.#joined.write(answer)
      this.#answer = answer
      logger.info({ clusterId: answer.clusterId, members: answer.members }, 'this node joins the cluster')
      this.#start()
      void this.#announce()
    } catch (error) {
      if (!this.#closing.signal.aborted) logger.fatal({ err: error }, 'this node could not join')
    }
  }

  /** Keeps this node's addresses in the node list right. */
  async #announce (): Promise<void> {
    if (this.#announcing) return
    this.#announcing = true
    const { database, logger } = this.#options
    while (!this.#closing.signal.aborted) {
      const own = database.nodes.get(this.#nodeId)
      const { peerAddress, apiAddress } = this.#own!
      if (own !== undefined && own.peerAddress === peerAddress && own.apiAddress === apiAddress) break
      if (own?.state === 'removed' || own?.state === 'leaving') break
      if (own !== undefined) {
        try {
          await this.propose({ kind: 'node', id: own.id, role: own.role, peerAddress, apiAddress })
          continue
        } catch (error) {
          logger.debug({ err: error }, 'the node list does not have the address of this node yet')
        }
      }
      await new Promise((resolve) => { setTimeout(resolve, 200).unref() })
    }
    this.#announcing = false
  }

  #waitFor (member: Member, condition: () => boolean, ms: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const end = (result: boolean): void => {
        clearTimeout(timer)
        unwatch()
        resolve(result)
      }
      const timer = ms === Infinity ? undefined : setTimeout(() => end(condition()), ms)
      const unwatch = member.watch(() => {
        if (condition() || member.failure !== null) end(condition())
      })
    })
  }
}
