import { randomBytes } from 'node:crypto'
import type { Listening } from '../../discovery/provider.ts'
import { Problem } from '../../storage/problem.ts'
import type { Outcome, Proposal, WriteProposal } from '../../storage/types.ts'
import { AddressBook } from './address-book.ts'
import { Admission } from './admission.ts'
import { announceAddresses } from './announcement.ts'
import { assertMeet, formCluster } from './beginning.ts'
import type { Consensus, ConsensusStatus, Origin } from './consensus.ts'
import type { NodeId } from './core/index.ts'
import { DataFolderError } from './data-folder-error.ts'
import type { Gate } from './entrance.ts'
import { Entry } from './entry.ts'
import { handOver } from './hand-over.ts'
import { identify, type Identify } from './identity.ts'
import { LostPeers } from './lost-peers.ts'
import { Member } from './member.ts'
import type { MemberView, OwnAddresses, RaftNodeOptions } from './node-options.ts'
import { memberViews, statusOf } from './node-views.ts'
import { warnOfOtherClusters } from './other-clusters.ts'
import { PeerCalls } from './peer-calls.ts'
import type { PeerCaller } from './peer-http.ts'
import { PeerListener } from './peer-listener.ts'
import { connectOf } from './peer-security.ts'
import { Questions } from './questions.ts'
import { Receipts } from './receipts.ts'
import { replay } from './replay.ts'
import { Router } from './router.ts'
import { openSnapshots, type Snapshots } from './snapshots/index.ts'
import { Standing } from './standing.ts'
import { bestHeir, Steward } from './steward.ts'
import { hostOf, Transport, type Caller } from './transport/index.ts'
import { waitFor } from './wait-for.ts'

/** So long may another process of a node that wants in take to say that it is there: less than a handshake may. */
const twinMs = 1000

/** One node of the cluster: what connects the member, its peers, its snapshots and the node list. */
export class RaftNode implements Consensus {
  /** What the leader is asked for, whichever node it is. */
  readonly questions: Questions
  readonly #options: RaftNodeOptions
  /** Of this node. */
  readonly receipts: Receipts
  readonly #router: Router
  readonly #transport: Transport
  readonly #listener: PeerListener
  readonly #snapshots: Snapshots
  readonly #standing: Standing
  readonly #entry: Entry
  readonly #identify: Identify
  readonly #addresses: AddressBook
  readonly #admission: Admission
  readonly #calls: PeerCalls
  readonly #closing = new AbortController()
  /** This process, which tells it from another that has the same id. */
  readonly #instance = randomBytes(8).toString('hex')
  #nodeId: NodeId
  /** Another process has this node's id. */
  #isTwin = false
  #steward: Steward | null = null
  #lostPeers: LostPeers | null = null
  #own: OwnAddresses | null = null
  #leader: NodeId | null = null

  private constructor (options: RaftNodeOptions, addresses: AddressBook, snapshots: Snapshots, caller: PeerCaller) {
    const { database, logger, security } = options
    this.#options = options
    this.#nodeId = options.nodeId
    this.#addresses = addresses
    this.#snapshots = snapshots
    this.#standing = new Standing({
      nodeId: () => this.#nodeId,
      peers: () => this.#transport.peers(),
      addressOf: (id) => addresses.addressOf(id),
    })
    this.#identify = (peerAddress) => identify(caller, peerAddress)
    this.#entry = new Entry({
      ...options,
      caller,
      nodeId: () => this.#nodeId,
      own: () => this.#own!,
      renewNodeId: async () => { this.#nodeId = await options.renewNodeId() },
      outside: (reason) => { this.#standing.outside = reason },
      signal: this.#closing.signal,
    })
    this.#transport = new Transport({
      nodeId: () => this.#nodeId,
      instance: this.#instance,
      instanceAt: (id, address) => identify(caller, address, twinMs).then(
        (there) => there.id === id ? there.instance : null,
        ({ cause }: Error) => (cause as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT' ? 'silent' : null),
      clusterId: () => this.#clusterId,
      addressOf: (id) => this.#addresses.addressOf(id),
      admit: (id) => {
        if (this.#isTwin) return { code: 'not-ready', reason: this.#standing.outside ?? '' }
        return this.#addresses.isRemoved(id)
          ? { code: 'removed', reason: 'it was removed from the cluster; its id is not used again' }
          : null
      },
      advertised: () => this.#own?.peerAddress ?? null,
      onMessage: (message) => this.#calls.receive(message),
      onUnreachable: (id) => {
        this.#standing.member?.reportUnreachable(id)
        this.#standing.member?.reportSnapshot(id, false)
      },
      onAddress: (id, address) => this.#addresses.learn(id, address),
      onRefused: (_id, { code, reason }) => {
        if (code === 'removed') this.#removed(reason)
        if (code === 'twin') this.#withdraw(reason)
      },
      onRequest: (from, method, body) => this.#calls.answer(from, method, body),
      log: logger,
      bufferBytesMax: options.peerBufferBytesMax,
      connect: caller.connect,
      ...(security === null ? {} : { mismatch: (socket, claim) => security.mismatch(socket, claim) }),
    })
    this.receipts = new Receipts({ database, keptSeconds: options.receiptSeconds })
    this.#router = new Router({
      database,
      transport: this.#transport,
      receipts: this.receipts,
      writesPendingMax: options.writesPendingMax,
      uncommittedBytesMax: options.uncommittedBytesMax,
      writeTimeoutSeconds: options.writeTimeoutSeconds,
      leaderWaitSeconds: options.leaderWaitSeconds,
      leaderless: () => this.leaderless,
    })
    this.questions = new Questions({
      transport: this.#transport,
      nodeId: () => this.#nodeId,
      leader: () => this.#standing.member?.leader ?? null,
      leaderless: () => this.leaderless,
    })
    this.questions.add('heir', () => bestHeir(this.#standing.member!.status.members, database.nodes, this.#nodeId))
    this.#admission = new Admission({
      identify: this.#identify,
      nodeId: () => this.#nodeId,
      database,
      addresses: this.#addresses,
      transport: this.#transport,
      member: () => this.#standing.outside === null ? this.#standing.member : null,
      propose: (proposal) => this.propose(proposal),
      leaderless: () => this.leaderless,
    })
    this.#calls = new PeerCalls({
      member: () => this.#standing.member,
      applied: () => database.applied.index,
      router: this.#router,
      admission: this.#admission,
      questions: this.questions,
      fetched: snapshots.fetched,
      transport: this.#transport,
      log: logger,
    })
    this.#listener = new PeerListener({
      transport: this.#transport,
      security,
      folder: snapshots.folder,
      imageAt: (index, term) => snapshots.made.file(index, term),
      addressOf: (id) => addresses.addressOf(id),
      isMember: (id) => this.#isMember(id),
      snapshotBytesPerSecond: options.snapshotBytesPerSecond,
      requestTimeoutSeconds: options.requestTimeoutSeconds,
      join: (request) => this.#admission.admit(request),
      identity: () => {
        // It is not that node for anybody.
        if (this.#isTwin) throw new Problem('NOT_READY', { reason: this.#standing.outside ?? '' })
        return { id: this.#nodeId, clusterId: this.#clusterId, instance: this.#instance }
      },
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
    const { dataDir, database, log, logger } = options
    const addresses = new AddressBook(database)
    const caller = { connect: connectOf(options.security), self: () => node.#self }
    const snapshots = await openSnapshots({
      dataDir,
      database,
      log,
      logger,
      addressOf: (id) => addresses.addressOf(id),
      caller,
      onProgress: (event) => options.onSnapshot?.(event),
    })
    const node: RaftNode = new RaftNode(options, addresses, snapshots, caller)
    await node.#begin()
    return node
  }

  get nodeId (): NodeId {
    return this.#nodeId
  }

  get leads (): boolean {
    return this.#standing.leads
  }

  get status (): ConsensusStatus {
    return statusOf(this.#nodeId, this.#standing.member, this.#options)
  }

  get pending (): number {
    return this.#router.pending
  }

  get failure (): Error | null {
    return this.#standing.member?.failure ?? null
  }

  /** What keeps this node from serving; null when nothing does. */
  get unready (): string | null {
    return this.#standing.unready
  }

  /** Why this node takes no writes; null when it does. */
  get refusal (): Problem | null {
    return this.#standing.refusal
  }

  /** Why there is no leader, in a sentence. */
  get leaderless (): string {
    return this.#standing.leaderless
  }

  get members (): MemberView[] {
    return memberViews(this.#options.database, this.#standing.member, this.#transport.peers())
  }

  /** Every write passes it on the leader, behind those that were added before. */
  addGate (gate: Gate): void {
    this.#router.entrance.add(gate)
  }

  async propose (proposal: Proposal, origin?: Origin): Promise<Outcome> {
    return this.#router.propose(proposal, origin)
  }

  async append (proposal: WriteProposal, origin?: Origin): Promise<string> {
    return this.receipts.textOf(await this.#router.append(proposal, origin))
  }

  async readBarrier (): Promise<void> {
    if (this.#standing.outside !== null) throw new Problem('NO_LEADER', { reason: this.#standing.outside })
    const member = this.#standing.member!
    await member.readBarrier()
  }

  /** Opens the listener for other nodes. Resolves to its address. */
  listen (host: string, port: number): Promise<string> {
    return this.#listener.listen(host, port)
  }

  /**
   * Says where this node listens. It finds out where others reach it, forms or joins its cluster if that is to be done,
   * and brings its addresses into the node list. Resolves when that is done, which may be never.
   *
   * @throws DiscoveryError when a setting must be changed first
   */
  async appear (listening: Pick<Listening, 'peer' | 'api'>): Promise<void> {
    await this.#appear(listening).catch((error: unknown) => {
      if (!this.#closing.signal.aborted) throw error
    })
  }

  /**
   * The follower that is best to lead next, as the leader knows; null when there is none.
   *
   * @throws Problem NO_LEADER
   */
  async heir (): Promise<NodeId | null> {
    return await this.questions.ask('heir', null) as NodeId | null
  }

  /**
   * Has another lead: the node that is named, whoever leads; or the best follower, if this node leads. Resolves when it
   * is so, or with false when nobody took over within three election timeouts.
   */
  async handOver (to: NodeId | null): Promise<boolean> {
    const { database } = this.#options
    const member = this.#standing.member
    return member !== null && await handOver({ member, database, nodeId: this.#nodeId, to })
  }

  /** Resolves with true when the node is what the list says that it shall be, with false after so many milliseconds. */
  async settled (id: NodeId, ms: number): Promise<boolean> {
    const member = this.#standing.member
    if (member === null) return false
    return await waitFor(member, () => {
      const node = this.#options.database.nodes.get(id)
      return node === undefined || node.state === node.role || node.state === 'removed'
    }, ms)
  }

  /** Lets go of leadership, finishes what is in flight, and closes. */
  async close (): Promise<void> {
    this.#closing.abort()
    if (this.#standing.member?.isLeader === true) await this.handOver(null)
    await this.#router.drain(this.#options.writeTimeoutSeconds * 1000)
    this.#steward?.close()
    this.#lostPeers?.close()
    this.#snapshots.fetched.close()
    this.#router.close()
    // A listener has closed when its last connection has.
    await this.#transport.close()
    await this.#listener.close()
    await this.#standing.member?.close()
    await this.#snapshots.made.close()
  }

  async #begin (): Promise<void> {
    const { database, log } = this.#options
    await this.#snapshots.fetched.recover()
    if (database.isTorn) {
      throw new DataFolderError('DATABASE_LOST', 'A snapshot was being installed when this node stopped, and its image is ' +
        'gone. Remove the data folder and let the node join again: it gets a new id.')
    }
    assertMeet(database, log)
    this.#addresses.answer = await this.#entry.answer()
    const isEmpty = database.clusterId === null && log.lastIndex === 0 && log.hardState.term === 0
    const isNew = isEmpty && this.#addresses.answer === null
    const ranAlone = database.clusterId !== null && database.configuration === null
    if (isNew && !await this.#entry.formAtOnce()) return
    if (ranAlone) await formCluster(log, this.#nodeId, null)
    await this.#entry.done()
    // Read before the member begins, which may commit more.
    const { commit } = log.hardState
    await replay({ nodeId: this.#nodeId, member: this.#start(), database, log, logger: this.#options.logger, commit })
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
      snapshot: (since) => this.#snapshots.made.offer(since),
      install: async (snapshot) => {
        await this.#snapshots.fetched.install(snapshot)
        void this.#calls.snapshotArrived(snapshot.index, this.#closing.signal)
      },
      keepFrom: () => this.#snapshots.made.keepFrom,
      ...(this.#options.onApplied === undefined ? {} : { onApplied: this.#options.onApplied }),
      onSoftState: ({ leader, role }) => {
        if (leader !== this.#leader) this.#options.onLeader?.()
        this.#leader = leader
        logger.info({ leader, role, term: member.status.term }, 'raft: %s', role)
      },
      onTrace: (event) => logger.debug(event, 'raft: %s', event.event),
      onDiskRefusal: (error) => {
        this.#standing.diskRefusal = error
        if (error !== null) logger.error({ err: error }, 'the log takes nothing more; it is tried again and again')
      },
      onFailure: (error) => {
        logger.fatal({ err: error }, 'this node can write no more; mend the cause and start it again')
        this.#router.failAll(error.message, error)
      },
    })
    this.#standing.member = member
    this.#standing.outside = null
    this.#router.attach(member, () => this.#standing.refusal)
    this.#steward = new Steward({
      database,
      member,
      nodeId: this.#nodeId,
      onChange: (changes) => logger.info({ changes }, 'the configuration is to follow the node list'),
    })
    this.#lostPeers = new LostPeers({
      discovery: this.#options.discovery,
      transport: this.#transport,
      identify: this.#identify,
      addresses: this.#addresses,
      onMoved: () => this.#setPeers(),
      logger,
    })
    database.listenNodes(() => this.#setPeers())
    database.listenRestore(() => this.#setPeers())
    this.#setPeers()
    member.start()
    return member
  }

  /** The node list, and whoever the configuration or the answer to the join call names. */
  #setPeers (): void {
    if (this.#isTwin) return this.#transport.setPeers([])
    this.#transport.setPeers(this.#addresses.peers(this.#standing.member!.configuration, this.#nodeId))
    if (this.#addresses.isRemoved(this.#nodeId)) this.#removed('it was removed from the cluster')
  }

  #removed (reason: string): void {
    this.#leave(`${reason}: this node takes no more part; stop it, and to use the machine again start it with an empty data folder`)
  }

  /**
   * Another process has this node's id, and is heard. This one says nothing more, not even when the other is gone: what
   * it has forgotten, or never had, may have been acknowledged under its id.
   */
  #withdraw (reason: string): void {
    this.#isTwin = true
    this.#leave(`${reason}. This node takes no more part`)
    this.#transport.setPeers([])
  }

  #leave (reason: string): void {
    if (this.#standing.outside !== null) return
    this.#standing.outside = reason
    this.#options.logger.error(this.#standing.outside)
    this.#router.failAll(this.#standing.outside)
  }

  async #appear (listening: Pick<Listening, 'peer' | 'api'>): Promise<void> {
    const { discovery, database, logger, security } = this.#options
    const { signal } = this.#closing
    const { outside } = this.#standing
    const members = this.#addresses.others(this.#nodeId)
    // A member takes part meanwhile: the others know it by where it was.
    const waits = (reason: string | null): void => {
      if (this.#standing.member === null) this.#standing.outside = reason
    }
    this.#own = await discovery.advertise({ ...listening, members }, signal, waits)
    waits(outside)
    const mismatch = security?.ownMismatch({ id: this.#nodeId, host: hostOf(this.#own.peerAddress) }) ?? null
    if (mismatch !== null) logger.warn('other nodes will refuse this one until its certificate is made again: %s', mismatch)
    this.#publish()
    if (this.#standing.member === null) {
      this.#addresses.answer = await this.#entry.enter()
      this.#start()
    } else {
      // Whoever was dialled meanwhile is to hear of the address.
      this.#setPeers()
      const [identify, clusterId] = [this.#identify, this.#clusterId]
      if (clusterId !== null) void warnOfOtherClusters({ clusterId, discovery, identify, logger, signal })
    }
    this.#publish()
    await announceAddresses({
      nodeId: this.#nodeId,
      database,
      own: this.#own,
      admit: (request) => this.#admission.admit(request),
      isOver: () => this.#isTwin,
      log: logger,
      signal,
    })
    this.#publish()
  }

  /** What is published already is not published again. */
  #publish (): void {
    this.#options.discovery.publish({ nodeId: this.#nodeId, clusterId: this.#clusterId, ...this.#own! })
  }

  #isMember (id: NodeId): boolean {
    const { member } = this.#standing
    return member !== null && this.#addresses.peers(member.configuration, this.#nodeId).has(id)
  }

  /** What this node says of itself to those that it calls. */
  get #self (): Caller {
    return { from: this.#nodeId, address: this.#own?.peerAddress ?? null }
  }

  /** Null while this node belongs to none. */
  get #clusterId (): string | null {
    return this.#options.database.clusterId ?? this.#addresses.answer?.clusterId ?? null
  }
}
