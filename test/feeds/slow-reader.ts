import net from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import type { Test } from 'tap'

/**
 * A stream over a bare socket, whose reader takes nothing until it is told to. What it then takes is kept as text,
 * with the head and the chunks' lengths (RFC 9112, section 7.1) in it; lines of changes can be told from those.
 */
export class SlowReader {
  readonly socket: net.Socket
  readonly closed: Promise<void>
  text = ''

  constructor (t: Test, url: string, path: string, accept: string) {
    const { hostname, port } = new URL(url)
    const decoder = new StringDecoder()
    this.socket = net.connect({ host: hostname, port: Number(port) })
    this.closed = new Promise((resolve) => { this.socket.once('close', resolve) })
    this.socket.on('error', () => {})
    this.socket.on('data', (bytes) => { this.text += decoder.write(bytes) })
    this.socket.pause()
    this.socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: ${accept}\r\n\r\n`)
    t.teardown(() => { this.socket.destroy() })
  }

  read (): void {
    this.socket.resume()
  }

  /** Reads on and on, but no more than so many bytes a second. */
  readAtMost (bytesPerSecond: number): void {
    const began = performance.now()
    let taken = 0
    this.socket.on('data', ({ length }) => {
      taken += length
      const aheadMs = taken / bytesPerSecond * 1000 - (performance.now() - began)
      if (aheadMs <= 0) return
      this.socket.pause()
      setTimeout(() => this.socket.resume(), aheadMs)
    })
    this.socket.resume()
  }

  /** Of the changes that have come, in order. */
  get revisions (): number[] {
    // A chunk may begin and end anywhere; its lengths stand on lines of their own.
    const body = this.text.slice(this.text.indexOf('\r\n\r\n') + 4).replace(/\r\n[0-9a-f]+\r\n|^[0-9a-f]+\r\n/g, '')
    return [...body.matchAll(/\{"revision":([0-9]+),/g)].map(([, revision]) => Number(revision))
  }
}
