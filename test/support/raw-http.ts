import { connect } from 'node:net'

export interface RawAnswer {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
  text: string
}

/**
 * Sends bytes to a node as they are and reads what comes until it closes the connection, or until `done` says that it
 * is enough; at most for some seconds. Null when nothing came.
 */
export async function sendRaw (
  url: string, bytes: string | Buffer, done: (text: string) => boolean = () => false, seconds = 10
): Promise<RawAnswer | null> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const received: Buffer[] = []
  // A node that closes while bytes are on their way to it may reset the connection.
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    received.push(chunk)
    if (done(Buffer.concat(received).toString())) socket.destroy()
  })
  socket.setTimeout(seconds * 1000, () => socket.destroy())
  socket.write(bytes)
  await new Promise((resolve) => { socket.once('close', resolve) })
  return parse(Buffer.concat(received).toString())
}

/** Whether the first answer is there with as many bytes as its head announces. */
export function isWhole (text: string): boolean {
  const answer = parse(text)
  if (answer === null || !withoutInterim(text).includes('\r\n\r\n')) return false
  return Buffer.byteLength(answer.text) >= Number(answer.headers['content-length'] ?? 0)
}

/** Leaves out what only says that there will be an answer, as 100 Continue does. */
function withoutInterim (text: string): string {
  return text.replace(/^(HTTP\/1\.1 1\d\d [^\r]*\r\n([^\r]+\r\n)*\r\n)+/, '')
}

function parse (received: string): RawAnswer | null {
  const text = withoutInterim(received)
  if (text === '') return null
  const headEnd = text.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = text.slice(0, headEnd === -1 ? text.length : headEnd).split('\r\n')
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]),
    headers: Object.fromEntries(headers),
    text: headEnd === -1 ? '' : text.slice(headEnd + 4),
  }
}
