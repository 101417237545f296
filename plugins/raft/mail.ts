import type { Append, AppendResponse, Message, NodeId } from './core/index.ts'

/** So long a commit index may wait for a message that carries it too. */
const noticeMs = 2

/**
 * Messages on their way out, as few as will do: each is a wakeup of another process, and asks for an answer.
 *
 * - An append without entries tells a follower the commit index. The next entries tell it too, so it waits for them.
 * - Of the acknowledgements of one turn the last holds for all.
 *
 * What is left out here is what a network may lose; the order of what is sent to one node stays.
 */
export class Mail {
  readonly #send: (message: Message) => void
  readonly #notices = new Map<NodeId, Append>()
  readonly #acknowledgements = new Map<NodeId, AppendResponse>()
  #timer: NodeJS.Timeout | null = null

  constructor (send: (message: Message) => void) {
    this.#send = send
  }

  /** Whether something waits for the end of the turn. */
  get waits (): boolean {
    return this.#acknowledgements.size > 0
  }

  send (message: Message): void {
    const { type, to } = message
    if (type === 'append-response' && !message.reject) return this.#acknowledge(message)
    const notice = this.#notices.get(to)
    if (notice !== undefined) {
      this.#notices.delete(to)
      if (type !== 'append' || !covers(message, notice)) this.#send(notice)
    }
    this.#sendAcknowledgement(to)
    if (type === 'append' && message.entries.length === 0) this.#hold(message)
    else this.#send(message)
  }

  /** All that this turn had to say was said. */
  endTurn (): void {
    if (this.#acknowledgements.size === 0) return
    for (const message of this.#acknowledgements.values()) this.#send(message)
    this.#acknowledgements.clear()
  }

  /** The node waits for the commit index. */
  hurry (to: NodeId): void {
    const notice = this.#notices.get(to)
    if (notice === undefined) return
    this.#notices.delete(to)
    this.#send(notice)
  }

  close (): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#notices.clear()
  }

  #acknowledge (message: AppendResponse): void {
    const { to, term, index } = message
    const before = this.#acknowledgements.get(to)
    if (before !== undefined && (before.term !== term || before.index > index)) this.#send(before)
    this.#acknowledgements.set(to, message)
  }

  #sendAcknowledgement (to: NodeId): void {
    if (this.#acknowledgements.size === 0) return
    const acknowledgement = this.#acknowledgements.get(to)
    if (acknowledgement === undefined) return
    this.#acknowledgements.delete(to)
    this.#send(acknowledgement)
  }

  #hold (notice: Append): void {
    this.#notices.set(notice.to, notice)
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      for (const to of [...this.#notices.keys()]) this.hurry(to)
    }, noticeMs)
  }
}

/** Whether whoever takes the append learns all that the notice would have told it. */
function covers (append: Append, notice: Append): boolean {
  return append.term === notice.term && append.index >= notice.index && append.commit >= notice.commit
}
