interface RequestParts {
  /** JSON text. */
  body?: string
  headers?: Record<string, string>
}

/** The bytes of an HTTP/1.1 request, made once and sent many times. */
export function requestBytes (method: string, path: string, { body, headers = {} }: RequestParts = {}): Buffer {
  const all = body === undefined
    ? { host: 'localhost', ...headers }
    : { host: 'localhost', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`)
}
