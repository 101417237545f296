import type { NameSystem, Service } from '../../discovery/names.ts'

/** Names that a test gives out and takes back. */
export class KnownNames implements NameSystem {
  readonly hosts = new Map<string, string[]>()
  readonly records = new Map<string, Service[]>()
  /** What every look-up fails with, while it is set. */
  failure: string | null = null

  addresses = async (name: string): Promise<string[]> => {
    this.#fail()
    const found = this.hosts.get(name)
    if (found === undefined) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' })
    return found
  }

  services = async (name: string): Promise<Service[]> => {
    this.#fail()
    return this.records.get(name) ?? []
  }

  #fail (): void {
    if (this.failure !== null) throw Object.assign(new Error(this.failure), { code: this.failure })
  }
}

export const quiet = { debug () {}, info () {}, warn () {}, error () {} }
