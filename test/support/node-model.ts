import type { AppliedConfiguration, NodeRecord } from '../../storage/database.ts'
import type { NodeCommand, NodeRemoveCommand } from '../../storage/types.ts'

interface ModelNode {
  id: string
  role: 'voter' | 'replica'
  peerAddress: string
  apiAddress: string
  /** It is, or once was, in a configuration. */
  entered: boolean
  asked: 'to stay' | 'to go'
  gone: boolean
}

/** The node list in the plainest form that could be right: facts about each node, from which its state follows. */
export class NodeModel {
  configuration: AppliedConfiguration | null = null
  readonly #nodes = new Map<string, ModelNode>()
  readonly #shown = new Map<string, NodeRecord>()

  get records (): NodeRecord[] {
    return [...this.#shown.values()].sort((a, b) => a.id < b.id ? -1 : 1)
  }

  /** Returns the code of the refusal, or null. */
  execute (command: NodeCommand | NodeRemoveCommand, revision: number, timestamp: number): string | null {
    const refusal = command.kind === 'node' ? this.#put(command) : this.#remove(command.id)
    if (refusal === null) this.#show(revision, timestamp)
    return refusal
  }

  configure (configuration: AppliedConfiguration, revision: number, timestamp: number): void {
    this.configuration = configuration
    for (const node of this.#nodes.values()) {
      if (this.#isMember(node.id)) {
        if (node.gone) Object.assign(node, { gone: false, asked: 'to go' })
        node.entered = true
      } else if (node.entered) node.gone = true
    }
    this.#show(revision, timestamp)
  }

  #put ({ id, ...said }: NodeCommand): string | null {
    const known = this.#nodes.get(id)
    if (known?.gone === true || known?.asked === 'to go') return 'NODE_REMOVED'
    if (known === undefined && said.role === null) return 'MEMBER_NOT_FOUND'
    const role = said.role ?? known!.role
    const peerAddress = said.peerAddress === '' && known !== undefined ? known.peerAddress : said.peerAddress
    const apiAddress = said.apiAddress === '' && known !== undefined ? known.apiAddress : said.apiAddress
    if (role === 'replica' && this.#isLastVoter(id)) return 'LAST_VOTER'
    this.#nodes.set(id, { id, role, peerAddress, apiAddress, entered: this.#isMember(id), asked: 'to stay', gone: false })
    return null
  }

  #remove (id: string): string | null {
    const node = this.#nodes.get(id)
    if (node === undefined) return 'MEMBER_NOT_FOUND'
    if (node.gone || node.asked === 'to go') return null
    if (this.#isLastVoter(id)) return 'LAST_VOTER'
    if (this.#isMember(id)) node.asked = 'to go'
    else node.gone = true
    return null
  }

  #isLastVoter (id: string): boolean {
    const voters = this.configuration?.voters ?? []
    const staying = voters.filter((one) => {
      const node = this.#nodes.get(one)
      return node !== undefined && node.role === 'voter' && node.asked === 'to stay' && !node.gone
    })
    return voters.includes(id) && staying.every((one) => one === id)
  }

  #isMember (id: string): boolean {
    const { voters = [], learners = [] } = this.configuration ?? {}
    return voters.includes(id) || learners.includes(id)
  }

  #show (revision: number, timestamp: number): void {
    for (const node of this.#nodes.values()) {
      const { id, role, peerAddress, apiAddress } = node
      const before = this.#shown.get(id)
      const now = { id, role, state: this.#stateOf(node), peerAddress, apiAddress }
      const isSame = JSON.stringify(now) === JSON.stringify({ ...before, revision: undefined, timestamp: undefined })
      if (!isSame) this.#shown.set(id, { ...now, revision, timestamp })
    }
  }

  #stateOf ({ id, role, asked, gone }: ModelNode): NodeRecord['state'] {
    if (gone) return 'removed'
    if (!this.#isMember(id)) return 'joining'
    if (asked === 'to go') return 'leaving'
    if (this.configuration?.voters.includes(id) === true) return 'voter'
    return role === 'replica' ? 'replica' : 'catching up'
  }
}
