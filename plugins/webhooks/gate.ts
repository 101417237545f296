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
  /** Whether a write that is recognised by one of these names has an outcome already. */
  isKnown: (names: readonly string[]) => Promise<boolean>
  onCalled?: (event: { hook: string, result: Verdict['result'], seconds: number }) => void
  /** A hook did not answer, and the write went on or was refused for that. */
  onFailed?: (event: { hook: string, reason: string, isRefused: boolean, request: string }) => void
}

export interface Asking {
  proposal: Pick<WriteCommand, 'compare' | 'then' | 'else' | 'receipt'> & { idempotency?: { key: string } }
  request: string
  pass: () => void
  /** Null: this node leads no more, and the next leader is to ask. */
  refuse: (problem: Problem | null) => void
}

/**
 * Has every write that a hook wants to see passed by that hook before it is proposed. All hooks of a write are asked at
 * the same time, and writes do not wait for each other here.
 */
export class HookGate {
  readonly #options: HookGateOptions
  /** What ends the asking for each write. */
  readonly #asking = new Set<(problem: Problem | null) => void>()
  #closed = false

  constructor (options: HookGateOptions) {
    this.#options = options
  }

  /** Writes that wait for hooks. */
  get size (): number {
    return this.#asking.size
  }

  admit (asking: Asking): void {
    const { hooks, catalog } = this.#options
    const all = hooks()
    if (all.length === 0) return asking.pass()
    const names = catalog()
    const bodies = new Map<Webhook, Buffer>()
    for (const hook of all) {
      const part = concerned(hook, asking.proposal, names)
      if (part !== null) bodies.set(hook, bodyOf(hook.name, asking.request, part))
    }
    if (bodies.size === 0) return asking.pass()
    if (this.#closed) return asking.refuse(draining())
    void this.#ask(asking, bodies)
  }

  /** Whoever waits is refused at once. */
  abandon (): void {
    for (const end of this.#asking) end(null)
  }

  /** Nobody is asked any more: a node that stops does not wait for hooks. */
  close (): void {
    this.#closed = true
    for (const end of this.#asking) end(draining())
  }

  async #ask ({ proposal, request, pass, refuse }: Asking, bodies: Map<Webhook, Buffer>): Promise<void> {
    const ending = new AbortController()
    let isOver = false
    const settle = (how: () => void): void => {
      if (isOver) return
      isOver = true
      this.#asking.delete(end)
      ending.abort()
      how()
    }
    const end = (problem: Problem | null): void => settle(() => refuse(problem))
    this.#asking.add(end)
    const names = namesOf(proposal)
    // A repetition gets the outcome of the first attempt, whatever a hook says by now.
    if (names.length > 0 && await this.#options.isKnown(names).catch(() => false)) return settle(pass)
    await Promise.all([...bodies].map(async ([hook, body]) => {
      const problem = await this.#problemOf(hook, body, request, ending.signal)
      if (problem !== null) settle(() => refuse(problem))
    }))
    settle(pass)
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
function namesOf ({ idempotency, receipt }: Asking['proposal']): string[] {
  const names = idempotency === undefined ? [] : [idempotency.key]
  if (receipt?.isRepeated === true) names.push(receiptName(receipt.id))
  return names
}

function draining (): Problem {
  return new Problem('DRAINING', { reason: 'it is shutting down, and asks validation hooks no more' })
}
