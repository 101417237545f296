/** A reply of any route: its `send` is typed by the schema, which describes the text and not the bytes. */
interface AnyReply<Sent> {
  header: (name: string, value: string) => unknown
  send: (payload?: any) => Sent
}

/** Up to here a body goes out in one piece with its head, which Node does for strings only. */
const oneWriteBytesMax = 16 * 1024

/** Sends JSON text as it is, past the serializer. */
export function sendJson<Sent> (reply: AnyReply<Sent>, text: Buffer): Sent {
  reply.header('content-type', 'application/json; charset=utf-8')
  return reply.send(text.length <= oneWriteBytesMax ? text.toString() : text)
}
