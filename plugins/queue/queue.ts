import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { Problem } from '../../storage/problem.ts'
import type { Outcome, WriteProposal } from '../../storage/types.ts'
import type { QueueFile } from './file.ts'
import { decodeQueued, encodeQueued, type Origin, type QueuedWrite } from './queued-write.ts'

export interface QueueOptions {
  file: QueueFile
  raft: Pick<FastifyInstance['raft'], 'propose' | 'receipts' | 'refusal'>
  database: Pick<FastifyInstance['database'], 'timestamp'>
  writesMax: number
  bytesMax: number
  /** A write that no leader has taken after so long is rejected. */
  seconds: number
  log: FastifyInstance['log']
  /** What became of a write that was sent on, or was too old to be. */
  onDone: (what: 'committed' | 'rejected' | 'expired') => void
}

interface Item extends QueuedWrite {
  number: number
  bytes: number
}

/** What could not be sent on is tried again after so long; waiting for a leader takes time of its own. */
const retryMs = 200

/** No more often is the leader asked to bring the database's clock to its own: that is an entry in the log of all. */
const expireEveryMs = 2000

/**
 * Writes that this node has promised to send on, one after another in the order in which they came. Each goes under
 * its receipt, by which the state machine recognises it: a node that dies after sending one and before forgetting it
 * does no harm when it sends it again.
 */
export class Queue {
  readonly #options: QueueOptions
  readonly #closing = new AbortController()
  #items: Item[] = []
  #bytes = 0
  /** Of writes that are on their way to the disk. */
  #arriving = { writes: 0, bytes: 0 }
  #nextNumber: number
  #isSending = false
  /** Why the first one is not sent. */
  #waitsFor: string | null = null
  /** Of the process's clock. */
  #expireNotBefore = 0

  constructor (options: QueueOptions) {
    this.#options = options
    for (const [number, bytes] of options.file.held) this.#push(number, bytes.length, decodeQueued(bytes))
    this.#nextNumber = (this.#items.at(-1)?.number ?? 0) + 1
    const { length } = this.#items
    if (length > 0) options.log.info({ writes: length }, 'the queue holds %d writes of before, which are sent on', length)
  }

  get items (): readonly QueuedWrite[] {
    return this.#items
  }

  get bytes (): number {
    return this.#bytes
  }

  get waitsFor (): string | null {
    return this.#options.file.failure?.message ?? this.#waitsFor
  }

  /** Begins to send on what is there. */
  start (): void {
    if (!this.#isSending && this.#items.length > 0) void this.#send()
  }

  /**
   * Resolves to the write's receipt once it is on this node's disk.
   *
   * @throws Problem QUEUE_FULL, or why this node takes no writes; OUTCOME_UNKNOWN when the disk did not tell whether it
   * has the write
   */
  async add (proposal: WriteProposal, origin: Origin): Promise<string> {
    const { file, raft, seconds } = this.#options
    if (this.#closing.signal.aborted) throw new Problem('DRAINING', { reason: 'this node is shutting down' })
    if (raft.refusal !== null) throw raft.refusal
    if (file.failure !== null) throw new Problem('STORAGE_FAILED', { reason: reasonOf(file.failure) })
    const { after, ...receipt } = raft.receipts.give(seconds * 1000, true)
    const write: QueuedWrite = { acceptedAt: Date.now(), after, origin, proposal: { ...proposal, receipt } }
    const bytes = encodeQueued(write)
    this.#admit(bytes.length)
    const number = this.#nextNumber++
    const text = raft.receipts.textOf({ ...receipt, after })
    this.#arrive(1, bytes.length)
    try {
      await file.add(number, bytes)
    } catch (error) {
      const reason = `its queue cannot be written (${reasonOf(error as Error)})`
      throw new Problem('OUTCOME_UNKNOWN', { reason, receipt: text }, { cause: error })
    } finally {
      this.#arrive(-1, -bytes.length)
    }
    this.#push(number, bytes.length, write)
    this.start()
    return text
  }

  /** Sends nothing more; what is there is sent at the next start. */
  async close (): Promise<void> {
    this.#closing.abort()
    await this.#options.file.close()
  }

  #admit (bytes: number): void {
    const { writesMax, bytesMax } = this.#options
    const writes = this.#items.length + this.#arriving.writes
    if (writes >= writesMax) throw new Problem('QUEUE_FULL', { setting: 'CHANGEWELL_QUEUE_WRITES_MAX', limit: writesMax })
    if (this.#bytes + this.#arriving.bytes + bytes > bytesMax) {
      throw new Problem('QUEUE_FULL', { setting: 'CHANGEWELL_QUEUE_BYTES_MAX', limit: bytesMax })
    }
  }

  #arrive (writes: number, bytes: number): void {
    this.#arriving.writes += writes
    this.#arriving.bytes += bytes
  }

  #push (number: number, bytes: number, write: QueuedWrite): void {
    this.#items.push({ ...write, number, bytes })
    this.#bytes += bytes
  }

  async #send (): Promise<void> {
    this.#isSending = true
    const { signal } = this.#closing
    while (!signal.aborted && this.#items.length > 0) {
      if (await this.#sendOne(this.#items[0]!)) continue
      await delay(retryMs, undefined, { signal }).catch(() => {})
    }
    this.#isSending = false
  }

  /** Returns whether the write is done with. */
  async #sendOne (item: Item): Promise<boolean> {
    const { log } = this.#options
    const { signal } = this.#closing
    try {
      const what = whatBecame(await this.#propose(item))
      // A leader may have refused it by a clock that is ahead, and the next one may make it.
      if (signal.aborted || (what === 'expired' && !await this.#isOver(item))) return false
      this.#waitsFor = null
      this.#done(item, what)
      return true
    } catch (error) {
      if (signal.aborted) return false
      const reason = reasonOf(error as Error)
      if (reason !== this.#waitsFor) log.warn({ err: error, writes: this.#items.length }, 'the queue has to wait: %s', reason)
      this.#waitsFor = reason
      if (!await this.#isOver(item) || signal.aborted) return false
      this.#done(item, 'expired')
      return true
    }
  }

  /**
   * Whether the database's clock is past the write's deadline: then the receipt tells what became of it, for certain. A
   * node's own clock may be wrong, so it decides no more than when to have the database's brought to the leader's.
   */
  async #isOver ({ proposal: { receipt: { deadline } } }: Item): Promise<boolean> {
    const { raft, database } = this.#options
    const isDue = performance.now() >= this.#expireNotBefore
    if (isDue && database.timestamp <= deadline && raft.receipts.clock > deadline) {
      this.#expireNotBefore = performance.now() + expireEveryMs
      await raft.propose({ kind: 'expire' }).catch(() => {})
    }
    return database.timestamp > deadline
  }

  /**
   * What a hook rejects would be rejected again. The cluster is told so: its receipt tells it from then on, and no
   * attempt that is still on its way is made.
   */
  async #propose ({ proposal, origin }: Item): Promise<Outcome> {
    const { raft, log } = this.#options
    try {
      return await raft.propose(proposal, origin)
    } catch (error) {
      if (!isRejection(error)) throw error
      log.info({ err: error, ...origin }, 'a queued write was rejected on its way')
      const { code, params } = error
      return await raft.propose({ kind: 'reject', receipt: proposal.receipt, code, params }, origin)
    }
  }

  #done (item: Item, what: 'committed' | 'rejected' | 'expired'): void {
    const { file, log, onDone } = this.#options
    this.#items.shift()
    this.#bytes -= item.bytes
    if (this.#items.length === 0) this.#waitsFor = null
    file.forget(item.number)
    onDone(what)
    log.debug({ ...item.origin, what }, 'a queued write is done')
  }
}

function whatBecame (outcome: Outcome): 'committed' | 'rejected' | 'expired' {
  if (outcome.ok) return 'committed'
  return outcome.code === 'WRITE_EXPIRED' ? 'expired' : 'rejected'
}

/** Refused before it was in any log, for what it is. */
function isRejection (error: unknown): error is Problem<'WRITE_REJECTED'> {
  return error instanceof Problem && error.code === 'WRITE_REJECTED'
}

function reasonOf (error: Error): string {
  if (!(error instanceof Problem)) return error.message
  const { hook, reason } = error.params as { hook?: string, reason?: string }
  if (reason === undefined) return error.code
  return hook === undefined ? reason : `the validation hook "${hook}" failed: ${reason}`
}
