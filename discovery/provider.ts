/**
 * What a node must learn from the place where it runs: whom it can ask to join, where a member is now, and whether it
 * is the one that forms the cluster. A provider answers that for one kind of place.
 *
 * It says where nodes are, never who is a member: the members are those of the replicated node list, whatever a
 * provider says.
 *
 * **Not knowing is an error.** An empty list or null says that there certainly is nothing. A provider that could not
 * look, or could not look everywhere, throws a DiscoveryError: an answer that looks like an empty place is how others
 * came to two clusters. It is asked again, with growing pauses; a cluster that runs goes on without it.
 *
 * Every method takes a signal that ends the call: it then rejects soon. A call that lasts longer than half a minute is
 * ended so, counts as one without an answer, and is made again.
 */
export interface Provider {
  /** For sentences: `raw`, `kubernetes`. */
  readonly name: string

  /**
   * Whether `claim` decides at once and asks nobody. Then a new node may form its cluster before it listens; else the
   * claim is made once it does, and shows as what the node waits for.
   */
  readonly decidesAlone: boolean

  /**
   * Decides, once, which cluster there is in this place: `proposed` if there was none before. It must hold however many
   * nodes claim at one time, whatever fails, and for ever: where a cluster was formed, no other proposal wins, even if
   * all nodes that knew of it are gone. The same call again gets the same answer, so that whoever crashed between its
   * claim and its first entry goes on.
   *
   * @throws DiscoveryError when it could not be decided; then nobody forms a cluster
   */
  claim (proposed: Proposed, signal: AbortSignal): Promise<Claim>

  /**
   * Whom a node can ask to join: where nodes listen for others, the likeliest first. This node may be among them. It is
   * asked anew for each round of attempts.
   *
   * @throws DiscoveryError when it could not be found out
   */
  candidates (signal: AbortSignal): Promise<Candidate[]>

  /**
   * Where the node with that id listens for others now, as host:port; null where nothing is known of it, and always
   * from a provider that knows no ids: then candidates are asked who they are.
   *
   * @throws DiscoveryError when it could not be found out
   */
  resolve (id: string, signal: AbortSignal): Promise<string | null>

  /**
   * Whether the node with that id is gone for good: nothing in this place is it, and nothing that is there may still
   * become it. Left out where that cannot be known.
   *
   * @throws DiscoveryError when it could not be found out
   */
  isGone? (id: string, signal: AbortSignal): Promise<boolean>

  /**
   * Calls back whenever what `candidates` or `resolve` say may have changed; until the function that it returns is
   * called. A provider that is told of no changes never calls: the others are looked for from time to time anyhow.
   */
  watch (changed: () => void): () => void

  /**
   * Tells the place who this node is and where it is. It is called again whenever one of that changes, and repeated
   * until it succeeds.
   *
   * @throws DiscoveryError when it could not be told; the node goes on meanwhile, whatever the code
   */
  publish (self: Self, signal: AbortSignal): Promise<void>

  /**
   * Works out where others reach this node, and says which address that is and why. It gives no address that is one for
   * this machine alone (the loopback) to a cluster that spans several.
   *
   * @throws DiscoveryError when it could not be worked out, with the setting that helps
   */
  advertise (listening: Listening, signal: AbortSignal): Promise<Advertised>

  /** Lets go of everything. Nothing is called afterwards, but perhaps `close` again. */
  close (): Promise<void>
}

/** A cluster that a node would form. */
export interface Proposed {
  /** 16 hex digits, made anew by each node, and kept until the claim is decided. */
  clusterId: string
  /** Who would form it: 16 hex digits. */
  nodeId: string
}

export type Claim =
  /** The proposed cluster is the one of this place: this node forms it. */
  { forms: true } |
  /** It is another one, or others decide: this node joins. `reason` is a clause whose "it" is this node. */
  { forms: false, clusterId: string | null, reason: string }

/** Where a node listens for others, perhaps. */
export interface Candidate {
  /** host:port, with an IPv6 host in brackets. A name is allowed, an address is better. */
  peerAddress: string
  /** Whose address that is, where the provider knows it. */
  id: string | null
  /** Where this comes from, for sentences: `CHANGEWELL_JOIN`, `the pod changewell-0`. */
  source: string
}

/** This node, as it tells the place of itself. */
export interface Self {
  nodeId: string
  /** Null while it belongs to no cluster. */
  clusterId: string | null
  /** host:port */
  peerAddress: string
  /** host:port */
  apiAddress: string
}

/** Where this node listens. */
export interface Listening {
  peer: Listener
  api: Listener
  /** Where other members are, as host:port, as far as this node remembers: the way to them is the way that counts. */
  members: readonly string[]
}

export interface Listener {
  /** An address of this machine, or 0.0.0.0 or :: for all. */
  host: string
  /** The one that it got, never 0. */
  port: number
}

export interface Advertised {
  /** host:port for other nodes. */
  peerAddress: string
  /** host:port for clients. */
  apiAddress: string
  /** Why these, as a clause: `eth0's, through which the default route goes`. */
  reason: string
}

/** The part of a logger that providers use: pino's and Fastify's fit. */
export interface DiscoveryLogger {
  debug (facts: object, message: string): void
  info (facts: object, message: string): void
  warn (facts: object, message: string): void
  error (facts: object, message: string): void
}

/** What a provider is given. */
export interface ProviderContext<Settings = Readonly<Record<string, unknown>>> {
  /** The provider's own settings. Those of an installed package are the object in CHANGEWELL_DISCOVERY_OPTIONS. */
  settings: Settings
  logger: DiscoveryLogger
}

/**
 * What the module of a provider exports as its default. It may look around, and must not wait long: the node does not
 * listen yet.
 *
 * @throws DiscoveryError with the code DISCOVERY_SETTINGS for what no other attempt would mend: the node does not start
 */
export type OpenProvider<Settings = Readonly<Record<string, unknown>>> = (
  context: ProviderContext<Settings>
) => Promise<Provider>

/** Unavailable: it could not be found out now. Refused: a right is missing. Settings: a setting is wrong. */
export type DiscoveryErrorCode = 'DISCOVERY_UNAVAILABLE' | 'DISCOVERY_REFUSED' | 'DISCOVERY_SETTINGS'

/** Why a provider has no answer. The message says what to do about it. */
export class DiscoveryError extends Error {
  readonly code: DiscoveryErrorCode

  constructor (code: DiscoveryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DiscoveryError'
    this.code = code
  }
}

/** By its code: a provider may bring the class of another copy of this package, or none. */
export function isDiscoveryError (error: unknown): error is DiscoveryError {
  const { code = '' } = error instanceof Error ? error as Partial<DiscoveryError> : {}
  return ['DISCOVERY_UNAVAILABLE', 'DISCOVERY_REFUSED', 'DISCOVERY_SETTINGS'].includes(code)
}
