/** A request to another node that got no answer, or a failure. `sent` is false when the node certainly got nothing. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  readonly sent: boolean
  constructor (message: string, sent: boolean) {
    super(message)
    this.sent = sent
  }
}
