import { Http2ServerResponse } from 'node:http2'

/**
 * An answer over HTTP/2 that says, as one over HTTP/1.1 does, whether its reader is gone: Node's own has neither
 * property, whatever its types say.
 */
export class Response extends Http2ServerResponse {}

Object.defineProperties(Response.prototype, {
  destroyed: { get (this: Http2ServerResponse) { return this.stream.destroyed } },
  closed: { get (this: Http2ServerResponse) { return this.stream.closed } },
})
