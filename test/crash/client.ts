import type { Random } from '../support/random.ts'
import type { Ledger, LedgerWrite } from './ledger.ts'

/** Where keys are that all clients write to. */
export const tenant = 'stable'
export const collections = ['a', 'b']
const keys = 40
const paddingBytesMax = 6000

/** So much of the history at least is kept at any time. It is more than is written between two looks at the feed. */
export const historyChangesMin = 500

/** An answer that came whole, or null. */
type Answer = { status: number, body: Body } | null

interface Body {
  revision?: number
  changes?: Array<{ revision: number }>
  code?: string
}

/** The node is gone. */
class Gone extends Error {}

/** A client that writes one thing after another, all kinds of them, until the node is gone. */
export class Client {
  #url = ''
  readonly #name: string
  readonly #ledger: Ledger
  readonly #random: Random
  #count = 0

  constructor (name: string, ledger: Ledger, random: Random) {
    this.#name = name
    this.#ledger = ledger
    this.#random = random
  }

  /** Makes what all clients write to. */
  async prepare (url: string): Promise<void> {
    this.#url = url
    await this.#write([`tenant-create ${tenant} `], 'POST', '/tenants', { name: tenant })
    for (const name of collections) {
      await this.#write([`collection-create ${tenant} ${name}`], 'POST', `/tenants/${tenant}/collections`, { name })
    }
  }

  async run (url: string): Promise<void> {
    this.#url = url
    try {
      for (;;) await this.#step()
    } catch (error) {
      if (!(error instanceof Gone)) throw error
    }
  }

  #step (): Promise<unknown> {
    const chance = this.#random.below(100)
    if (chance < 40) return this.#put()
    if (chance < 55) return this.#batch()
    if (chance < 65) return this.#delete()
    if (chance < 75) return this.#record()
    if (chance < 89) return this.#putOnce()
    if (chance < 90) return this.#setHistory()
    return this.#subtree()
  }

  async #put (): Promise<void> {
    const mark = this.#mark()
    const path = `/tenants/${tenant}/collections/${this.#random.pick(collections)}/keys/${this.#key()}`
    const headers = this.#random.percent(10) ? { 'if-none-match': '*' } : {}
    await this.#write([mark], 'PUT', path, { data: this.#data(mark), tags: this.#tags() }, headers)
  }

  async #batch (): Promise<void> {
    const marks = Array.from({ length: 2 + this.#random.below(5) }, () => this.#mark())
    const changes = marks.map((mark, at) => at > 0 && this.#random.percent(20)
      ? { tenant, data: this.#data(mark), tags: this.#tags() }
      : { ...this.#place(), data: this.#data(mark), tags: this.#tags() })
    await this.#write(marks, 'POST', '/changes', { changes })
  }

  /** Refused when the key has no value. */
  async #delete (): Promise<void> {
    const mark = this.#mark()
    await this.#write([mark], 'POST', '/changes', { type: 'delete', ...this.#place(), tags: [mark] })
  }

  async #record (): Promise<void> {
    const mark = this.#mark()
    await this.#write([mark], 'POST', '/changes', { data: this.#data(mark) })
  }

  /** With an idempotency key: when no answer comes, it is sent again to whoever comes next. */
  async #putOnce (): Promise<void> {
    const marks = [this.#mark(), this.#mark()]
    const changes = marks.map((mark) => ({ ...this.#place(), data: this.#data(mark) }))
    const write = this.#ledger.begin(marks)
    write.repeat = (url) => {
      this.#url = url
      return this.#settle(write, 'POST', '/changes', { changes }, { 'idempotency-key': marks[0]! })
    }
    if (!await write.repeat(this.#url)) throw new Gone()
  }

  /** How much of the history is kept; nothing of it stands in the history. */
  async #setHistory (): Promise<void> {
    const historyChanges = this.#random.pick([historyChangesMin, 2 * historyChangesMin, null])
    const answer = await send(`${this.#url}/cluster/settings`, 'PUT', { historyChanges }, {})
    if (answer === null || answer.body.code === 'DRAINING') throw new Gone()
    if (answer.status !== 200) throw new Error(`the settings were answered ${answer.status} ${JSON.stringify(answer.body)}`)
  }

  /** A tenant with one below it, filled, renamed and deleted with all that it holds. */
  async #subtree (): Promise<void> {
    const top = `t-${this.#mark()}`
    const renamed = `${top}-renamed`
    await this.#write([`tenant-create ${top} `], 'POST', '/tenants', { name: top })
    await this.#write([`tenant-create ${top}/sub `], 'POST', '/tenants', { name: `${top}/sub` })
    for (const name of [top, `${top}/sub`]) {
      const path = `/tenants/${encodeURIComponent(name)}/collections`
      await this.#write([`collection-create ${name} c`], 'POST', path, { name: 'c' })
      const marks = [this.#mark(), this.#mark(), this.#mark()]
      const changes = marks.map((mark) => ({ tenant: name, collection: 'c', key: this.#key(), data: this.#data(mark) }))
      await this.#write(marks, 'POST', '/changes', { changes })
    }
    if (this.#random.percent(50)) {
      await this.#write([`collection-delete ${top} c`], 'DELETE', `/tenants/${top}/collections/c?recursive=true`)
    }
    await this.#write([`tenant-rename ${renamed} `], 'PUT', `/tenants/${top}`, { name: renamed })
    const gone = [`tenant-delete ${renamed}/sub `, `tenant-delete ${renamed} `]
    await this.#write(gone, 'DELETE', `/tenants/${renamed}?recursive=true`)
  }

  async #write (marks: string[], method: string, path: string, body?: object, headers = {}): Promise<void> {
    if (!await this.#settle(this.#ledger.begin(marks), method, path, body, headers)) throw new Gone()
  }

  /** Sends a write and notes the answer; false when there was none, or the node said that it goes. */
  async #settle (write: LedgerWrite, method: string, path: string, body?: object, headers = {}): Promise<boolean> {
    const answer = await send(`${this.#url}${path}`, method, body, headers)
    if (answer === null) return false
    const { status, body: { revision, changes, code } } = answer
    if (status === 200 || status === 201) {
      this.#ledger.acknowledge(write, changes?.map((change) => change.revision) ?? [revision!])
    } else if (status === 404 || status === 412) this.#ledger.refuse(write)
    else if (code === 'DRAINING') {
      this.#ledger.refuse(write)
      return false
    } else throw new Error(`${method} ${path} was answered ${status} ${JSON.stringify(answer.body)}`)
    return true
  }

  #mark (): string {
    return `${this.#name}-${++this.#count}`
  }

  #place (): { tenant: string, collection: string, key: string } {
    return { tenant, collection: this.#random.pick(collections), key: this.#key() }
  }

  #key (): string {
    return `k${this.#random.below(keys)}`
  }

  #data (mark: string): { mark: string, padding: string } {
    return { mark, padding: 'x'.repeat(this.#random.below(paddingBytesMax)) }
  }

  #tags (): string[] {
    return this.#random.percent(30) ? ['red', 'blue'].slice(this.#random.below(2)) : []
  }
}

async function send (url: string, method: string, body: object | undefined, headers: object): Promise<Answer> {
  const content = body === undefined ? {} : { body: JSON.stringify(body) }
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  try {
    const response = await fetch(url, { method, ...content, headers: { ...type, ...headers } })
    return { status: response.status, body: await response.json() as Body }
  } catch {
    return null
  }
}
