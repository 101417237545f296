import type { Configuration, Ready, Snapshot } from '../../../plugins/raft/core/index.ts'
import { describeEntry, describeHardState, describeReadStates, describeSnapshot, describeSoftState } from './describe.ts'
import { nodeId, nodeNumber } from './ids.ts'
import { describeMessage, isLocal, messageName, storageAppend, storageApply } from './messages.ts'
import type { NetworkMessage, StorageAppend, StorageApply } from './messages.ts'
import { TranscriptNode } from './node.ts'
import type { NodeOptions } from './node.ts'
import { Output } from './output.ts'

/** Whom `deliver` gives messages to, or what is addressed to whom it loses. */
export interface Recipient {
  number: number
  drop: boolean
}

/** Nodes, and the messages between them that are under way. Nothing moves but by a command. */
export class Environment {
  readonly nodes: TranscriptNode[] = []
  readonly output = new Output()
  #network: NetworkMessage[] = []

  addNodes (count: number, options: NodeOptions, start: Snapshot | null): void {
    for (let added = 0; added < count; added++) {
      this.nodes.push(new TranscriptNode(nodeId(this.nodes.length + 1), options, start))
    }
  }

  node (number: number): TranscriptNode {
    const node = this.nodes[number - 1]
    if (node === undefined) throw new Error(`there is no node ${number}`)
    return node
  }

  send (message: NetworkMessage): void {
    this.#network.push(message)
  }

  processReady (node: TranscriptNode): void {
    const ready = node.core.ready()
    const own = node.asyncStorage ? this.#handToThreads(node, ready) : []
    // Without threads all is durable before anything is sent, and so answers are messages like any other.
    const answers = node.asyncStorage ? [] : ready.responses.filter(({ to }) => to !== node.id)
    const messages = [...ready.messages, ...answers]
    this.output.print(describeReady(ready, [...messages, ...own].map((message) => describeMessage(message))))
    if (!node.asyncStorage) {
      node.persist(ready)
      node.apply(ready.committed)
    }
    messages.forEach((message) => { this.send(message) })
    if (!node.asyncStorage) node.advance(ready)
  }

  processAppendThread (node: TranscriptNode): void {
    const work = node.appendWork.shift()
    if (work === undefined) {
      this.output.print('no append work to perform')
      return
    }
    this.#process(work, () => { node.persist(work) })
  }

  processApplyThread (node: TranscriptNode): void {
    const work = node.applyWork.shift()
    if (work === undefined) {
      this.output.print('no apply work to perform')
      return
    }
    this.#process(work, () => { node.apply(work.entries) })
  }

  /** Delivers, or loses, what is addressed to the recipients, one after the other. Returns how many messages. */
  deliver (recipients: readonly Recipient[], type?: string): number {
    let count = 0
    for (const { number, drop } of recipients) {
      const chosen = this.#network.filter((message) => isFor(message, { number, drop }, type))
      this.#network = this.#network.filter((message) => !chosen.includes(message))
      count += chosen.length
      for (const message of chosen) {
        this.output.print(`${drop ? 'dropped: ' : ''}${describeMessage(message)}`)
        const problem = drop ? null : this.node(number).receive(message)
        if (problem !== null) this.output.print(problem)
      }
    }
    return count
  }

  /** Lets the nodes work, and gives them their messages, until there is nothing left to do. */
  stabilize (nodes: readonly TranscriptNode[]): void {
    let busy = true
    const each = (title: string, has: (node: TranscriptNode) => boolean, act: (node: TranscriptNode) => void): void => {
      for (const node of nodes.filter(has)) {
        busy = true
        this.output.print(`> ${nodeNumber(node.id)} ${title}`)
        this.output.indented(() => { act(node) })
      }
    }
    while (busy) {
      busy = false
      each('handling Ready', ({ core }) => core.hasReady, (node) => { this.processReady(node) })
      each('receiving messages', (node) => this.#network.some(({ to }) => to === node.id), (node) => {
        this.deliver([{ number: nodeNumber(node.id), drop: false }])
      })
      each('processing append thread', ({ appendWork }) => appendWork.length > 0, (node) => {
        while (node.appendWork.length > 0) this.processAppendThread(node)
      })
      each('processing apply thread', ({ applyWork }) => applyWork.length > 0, (node) => {
        while (node.applyWork.length > 0) this.processApplyThread(node)
      })
    }
  }

  /** Queues a Ready's work, and returns it. */
  #handToThreads (node: TranscriptNode, ready: Ready): (StorageAppend | StorageApply)[] {
    const append = storageAppend(node.id, ready)
    const apply = storageApply(node.id, ready)
    if (append !== null) node.appendWork.push(append)
    if (apply !== null) node.applyWork.push(apply)
    return [append, apply].filter((work) => work !== null)
  }

  #process (work: StorageAppend | StorageApply, perform: () => void): void {
    this.output.print('Processing:')
    this.output.print(describeMessage({ ...work, responses: [] }))
    perform()
    this.output.print('Responses:')
    for (const message of work.responses) {
      this.output.print(describeMessage(message))
      this.send(message)
    }
  }
}

/** A snapshot to start nodes from. */
export function startSnapshot (index: number, configuration: Configuration): Snapshot {
  return { index, term: 1, configuration }
}

function isFor (message: NetworkMessage, { number, drop }: Recipient, type: string | undefined): boolean {
  if (message.to !== nodeId(number) || (drop && isLocal(message))) return false
  return type === undefined || messageName(message) === type
}

function describeReady (ready: Ready, messages: readonly string[]): string {
  const { softState, hardState, mustSync, reads, entries, snapshot, committed } = ready
  const lines: string[] = []
  if (softState !== null) lines.push(describeSoftState(softState))
  if (hardState !== null) lines.push(`HardState ${describeHardState(hardState)}`)
  if (reads.length > 0) lines.push(`ReadStates ${describeReadStates(reads)}`)
  if (entries.length > 0) lines.push('Entries:', ...entries.map(describeEntry))
  if (snapshot !== null) lines.push(`Snapshot ${describeSnapshot(snapshot)}`)
  if (committed.length > 0) lines.push('CommittedEntries:', ...committed.map(describeEntry))
  if (messages.length > 0) lines.push('Messages:', ...messages)
  return lines.length === 0 ? '<empty Ready>' : [`Ready MustSync=${mustSync}:`, ...lines].join('\n')
}
