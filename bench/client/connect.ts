import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where a server of this machine listens. */
export interface Target {
  port: number
  /** PEM text of the authority of its certificate; absent where there is no TLS. */
  ca?: string
}

/** The newest session of each port: who comes again resumes it, as clients do. */
const sessions = new Map<number, Buffer>()

/** Opens a connection to which can be written at once. */
export async function connect ({ port, ca }: Target): Promise<Socket> {
  if (ca === undefined) {
    const socket = connectPlain({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return socket
  }
  const session = sessions.get(port)
  const socket = connectTls({ port, host: '127.0.0.1', ca, ...(session === undefined ? {} : { session }) })
  socket.setNoDelay(true)
  socket.on('session', (newest) => { sessions.set(port, newest) })
  await once(socket, 'secureConnect')
  return socket
}
