import type { Socket } from 'node:net'
import type { Server } from 'node:tls'

export interface HalfOpenOptions {
  /** As many may be in the middle of it. */
  max: number
  /** So long may it take. Milliseconds. */
  timeoutMs: number
}

/**
 * Bounds the handshakes that are under way: whoever opens connections and does not go on gets some time, and makes room
 * for the next one, so that memory and file handles stay bounded and others get in.
 */
export function boundHandshakes (server: Server, { max, timeoutMs }: HalfOpenOptions): void {
  const open = new Map<string, { socket: Socket, timer: NodeJS.Timeout }>()
  const leave = (place: string): void => {
    clearTimeout(open.get(place)?.timer)
    open.delete(place)
  }
  server.on('connection', (socket: Socket) => {
    const place = placeOf(socket)
    const [oldest] = open.keys()
    if (oldest !== undefined && open.size >= max) {
      const { socket: other } = open.get(oldest)!
      leave(oldest)
      other.destroy()
    }
    const timer = setTimeout(() => socket.destroy(), timeoutMs).unref()
    open.set(place, { socket, timer })
    socket.once('close', () => { if (open.get(place)?.socket === socket) leave(place) })
  })
  // The socket of the handshake is another one around the first, with the same ends.
  server.on('secureConnection', (socket: Socket) => leave(placeOf(socket)))
}

function placeOf ({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
