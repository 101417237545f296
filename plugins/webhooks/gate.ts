import { isDeepStrictEqual } from 'node:util'
import { calledIn } from '../../storage/called.ts'
import type { Catalog } from '../../storage/catalog.ts'
import { Problem } from '../../storage/problem.ts'
import { receiptName } from '../../storage/receipt.ts'
import type { Webhook, WriteCommand } from '../../storage/types.ts'
import { bodyOf } from './body.ts'
import { callHook, type Verdict } from './call.ts'
import { concerned } from './filter.ts'

export interface HookGateOptions {
  hooks: () => readonly Webhook[]
  catalog: () => Catalog
  /** Resolves when this leader has applied all that was acknowledged before it led: hooks, too. */
  catchUp: () => Promise<void>
  /** Whether a write that is recognised by one of these names has an outcome already. */
  isKnown: (names: readonly RecognisedBy[]) => Promise<boolean>
  /** Of all that hooks are asked about at a time. */
  bytesMax: number
  onCalled?: (event: { hook: string, result: Verdict['result'], seconds: number }) => void
  /** A hook did not answer, and the write went on or was refused for that. */
  onFailed?: (event: { hook: string, reason: string, isRefused: boolean, request: string }) => void
}

export interface RecognisedBy {
  name: string
  /** Of the write's content, where the name alone does not say that it is the same write. */
  fingerprint?: Buffer
}

export interface Asking {
  proposal: Pick<WriteCommand, 'compare' | 'then' | 'else' | 'called' | 'receipt'> & { idempotency?: { key: string, fingerprint: Buffer } }
  request: string
  /** Whether somebody still waits for the outcome. */
  isWanted: () => boolean
  /** `holds` tells later whether no other hook wants to see the write by then. */
  pass: (holds?: () => boolean) => void
  /** Null: this node leads no more, and the next leader is to ask. */
  refuse: (problem: Problem | null) => void
}

/** How often writes are looked for that nobody waits for any more. */
const sweepMs = 100

/**
 * Has every write that a hook wants to see passed by that hook before it is proposed. All hooks of a write are asked at
 * the same time, and writes do not wait for each other here.
 */
export class HookGate {
  readonly #options: HookGateOptions
  /** What ends the asking for each write. */
  readonly #asking = new Map<Asking, (problem: Problem | null) => void>()
  /** Of the bodies that hooks have been sent and not answered. */
  #bytes = 0
  #sweep: NodeJS.Timeout | null = null
  #closed = false
  #isCaughtUp = false
  /** One for all that come before it has. */
  #catchingUp: Promise<void> | null = null

  constructor (options: HookGateOptions) {
    this.#options = options
  }

  /** Writes that wait for hooks. */
  get size (): number {
    return this.#asking.size
  }

  admit (asking: Asking): void {
    const bodies = this.#isCaughtUp ? this.#bodiesFor(asking) : null
    if (bodies?.size === 0) return asking.pass(() => this.#holds(bodies, asking))
    if (this.#closed) return asking.refuse(draining())
    void this.#ask(asking, bodies)
  }

  /** Whoever waits is refused at once. */
  abandon (): void {
    this.#isCaughtUp = false
    this.#catchingUp = null
    for (const end of this.#asking.values()) end(null)
  }

  /** Nobody is asked any more: a node that stops does not wait for hooks. */
  close (): void {
    this.#closed = true
    for (const end of this.#asking.values()) end(draining())
  }

  /** Whoever waited has had an answer by now. */
  #endUnwanted (): void {
    for (const [asking, end] of this.#asking) if (!asking.isWanted()) end(null)
    if (this.#asking.size > 0 || this.#sweep === null) return
    clearInterval(this.#sweep)
    this.#sweep = null
  }

  /** What each hook that wants to see the write is to get. */
  #bodiesFor ({ proposal, request }: Asking): Map<Webhook, Buffer> {
    const bodies = new Map<Webhook, Buffer>()
    const hooks = this.#options.hooks()
    if (hooks.length === 0) return bodies
    const catalog = this.#options.catalog()
    for (const hook of hooks) {
      const part = concerned(hook, proposal, catalog)
      if (part !== null) bodies.set(hook, bodyOf(hook.name, request, part))
    }
    return bodies
  }

  /**
   * Whether all that want to see the write were asked about all of it that they want to see: others may have been set
   * while it waited, here or for locks, and its tenants may be called otherwise.
   */
  #covers (asked: ReadonlyMap<Webhook, Buffer>, { proposal, request }: Asking): boolean {
    const hooks = this.#options.hooks()
    if (hooks.length === 0) return true
    const catalog = this.#options.catalog()
    // What a hook wants to see of a write that has names alone is the same as before.
    const isById = calledIn(proposal, catalog).length > 0
    return hooks.every((hook) => {
      const part = concerned(hook, proposal, catalog)
      return part === null || [...asked].some(([one, sent]) => (
        isDeepStrictEqual(one, hook) && (!isById || sent.equals(bodyOf(hook.name, request, part)))))
    })
  }

  /** Looks once more, just before the write is proposed: its locks keep the names of tenants as they are by then. */
  #holds (asked: ReadonlyMap<Webhook, Buffer>, asking: Asking): boolean {
    if (!this.#covers(asked, asking)) return false
    const { proposal } = asking
    if (this.#options.hooks().length === 0 || proposal.called !== undefined) return true
    // Of an id that is not given yet nobody can tell which hooks its tenant will concern: it must stay so.
    const unknown = calledIn(proposal, this.#options.catalog()).filter(({ name }) => name === null)
    if (unknown.length > 0) proposal.called = unknown
    return true
  }

  /** A leader that has just begun may not know yet of the hooks that the one before it had. */
  #catchUp (): Promise<void> {
    if (this.#catchingUp !== null) return this.#catchingUp
    const catchingUp = this.#options.catchUp().then(() => {
      if (this.#catchingUp === catchingUp) this.#isCaughtUp = true
    }).finally(() => {
      if (this.#catchingUp === catchingUp) this.#catchingUp = null
    })
    this.#catchingUp = catchingUp
    return catchingUp
  }

  async #ask (asking: Asking, known: Map<Webhook, Buffer> | null): Promise<void> {
    const { proposal, request, pass, refuse } = asking
    const ending = new AbortController()
    let bytes = 0
    let isOver = false
    const settle = (how: () => void): void => {
      if (isOver) return
      isOver = true
      this.#asking.delete(asking)
      this.#bytes -= bytes
      ending.abort()
      how()
    }
    const end = (problem: Problem | null): void => settle(() => refuse(problem))
    this.#asking.set(asking, end)
    this.#sweep ??= setInterval(() => this.#endUnwanted(), sweepMs).unref()
    if (known === null && !await this.#catchUp().then(() => true, () => false)) return end(null)
    if (isOver) return
    const bodies = known ?? this.#bodiesFor(asking)
    const letPass = (): void => pass(() => this.#holds(bodies, asking))
    if (bodies.size === 0) return settle(letPass)
    const { bytesMax } = this.#options
    const wanted = [...bodies.values()].reduce((sum, { length }) => sum + length, 0)
    if (this.#bytes > 0 && this.#bytes + wanted > bytesMax) {
      return end(new Problem('TOO_MUCH_UNCOMMITTED', { limitBytes: bytesMax }))
    }
    bytes = wanted
    this.#bytes += bytes
    const names = namesOf(proposal)
    // A repetition gets the outcome of the first attempt, whatever a hook says by now.
    if (names.length > 0 && await this.#options.isKnown(names).catch(() => false)) return settle(pass)
    await Promise.all([...bodies].map(async ([hook, body]) => {
      const problem = await this.#problemOf(hook, body, request, ending.signal)
      if (problem !== null) settle(() => refuse(problem))
    }))
    settle(letPass)
  }

  /** Why the write must not go on, as the hook and its policy say. */
  async #problemOf (hook: Webhook, body: Buffer, request: string, signal: AbortSignal): Promise<Problem | null> {
    const { onCalled, onFailed } = this.#options
    const { name, onFailure } = hook
    const begun = performance.now()
    const verdict = await callHook(hook, body, signal)
    // Another hook, or the end of leadership, has decided.
    if (signal.aborted) return null
    onCalled?.({ hook: name, result: verdict.result, seconds: (performance.now() - begun) / 1000 })
    if (verdict.result === 'passed') return null
    const { reason } = verdict
    if (verdict.result === 'rejected') return new Problem('WRITE_REJECTED', { hook: name, reason })
    const isRefused = onFailure === 'fail-closed'
    onFailed?.({ hook: name, reason, isRefused, request })
    return isRefused ? new Problem('HOOK_FAILED', { hook: name, reason }) : null
  }
}

/** By which the state machine recognises the write, if by anything. */
function namesOf ({ idempotency, receipt }: Asking['proposal']): RecognisedBy[] {
  const names: RecognisedBy[] = []
  if (idempotency !== undefined) names.push({ name: idempotency.key, fingerprint: idempotency.fingerprint })
  if (receipt?.isRepeated === true) names.push({ name: receiptName(receipt.id) })
  return names
}

function draining (): Problem {
  return new Problem('DRAINING', { reason: 'it is shutting down, and asks validation hooks no more' })
}
