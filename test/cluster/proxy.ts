import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/**
 * A way into a node that can be cut for some and not for others: whoever dials says who it is in its handshake. What is
 * cut is silent, as a network is that loses everything; nobody is told.
 */
export class Proxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #links = new Set<{ from: string | null, pause: () => void, resume: () => void }>()
  readonly #cut = new Set<string>()
  #target: { host: string, port: number } | null = null

  private constructor (server: Server) {
    this.#server = server
    server.on('connection', (socket) => { this.#accept(socket) })
  }

  static async open (t: Test): Promise<Proxy> {
    const server = createServer({ pauseOnConnect: true })
    const proxy = new Proxy(server)
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    t.teardown(() => proxy.close())
    return proxy
  }

  get address (): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Where the node behind it listens now. */
  leadTo (address: string): void {
    const at = address.lastIndexOf(':')
    this.#target = { host: address.slice(0, at), port: Number(address.slice(at + 1)) }
  }

  /** Nothing of that node gets through any more; `*` stands for all. */
  cut (from: string): void {
    this.#cut.add(from)
    for (const link of this.#links) if (this.#isCut(link.from)) link.pause()
  }

  heal (from: string): void {
    this.#cut.delete(from)
    for (const link of this.#links) if (!this.#isCut(link.from)) link.resume()
  }

  healAll (): void {
    for (const from of [...this.#cut]) this.heal(from)
  }

  close (): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #isCut (from: string | null): boolean {
    return this.#cut.has('*') || (from !== null && this.#cut.has(from))
  }

  #accept (incoming: Socket): void {
    this.#own(incoming)
    if (this.#target === null) return void incoming.destroy()
    const outgoing = connect(this.#target)
    this.#own(outgoing)
    const link = {
      from: null as string | null,
      pause: () => { incoming.pause(); outgoing.pause() },
      resume: () => { incoming.resume(); outgoing.resume() },
    }
    this.#links.add(link)
    incoming.on('data', (bytes: Buffer) => {
      link.from ??= /changewell-node: *([0-9a-f]{16})/i.exec(bytes.toString('latin1'))?.[1] ?? null
      outgoing.write(bytes)
      if (this.#isCut(link.from)) link.pause()
    })
    outgoing.on('data', (bytes: Buffer) => { incoming.write(bytes) })
    const end = (): void => {
      this.#links.delete(link)
      incoming.destroy()
      outgoing.destroy()
    }
    for (const socket of [incoming, outgoing]) socket.on('close', end).on('error', end)
    if (this.#isCut(null)) link.pause()
    else incoming.resume()
  }

  #own (socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
