/** Which part of a node's work a function belongs to, by its file and its name after a space; the first that fits. */
const parts: Array<[part: string, place: RegExp]> = [
  ['JSON of the body', /\/plugins\/json\/|\/fastify\/lib\/content-?type-?parser|\/secure-json-parse\//],
  ['validation of the request', /\/plugins\/validation\/|\/ajv[^/]*\/|\/typebox\/|\/fastify\/lib\/validation/],
  ['command', /\/storage\/command\.|\/plugins\/(writes|keys|changes\/write)/],
  ['rights', /\/plugins\/auth\//],
  ['locks and validation hooks', /\/plugins\/(locks|webhooks)\//],
  ['way through the node', /\/plugins\/raft\/(router|entrance|proposals|receipts|stamp)\./],
  ['consensus and log', /\/plugins\/raft\/|\/@node-rs\/crc32\//],
  ['RocksDB', /\/storage\/rocksdb\.|\/rocksdb-native\//],
  ['state machine', /\/storage\//],
  ['feed', /\/plugins\/changes\//],
  ['metrics and tracing', /\/plugins\/(metrics|trace|problems|health)\/|\/prom-client\/|\/under-pressure\//],
  ['response', /\/fastify\/lib\/(reply|wrap-thenable|error)|\/fast-json-stringify\/|\/plugins\/storage\/|^node:_http_outgoing|^node:_http_server resOnFinish/],
  ['routing and hooks', /\/find-my-way\/|\/fastify\/|\/fastify-plugin\/|\/fast-querystring\//],
  ['HTTP parse', /^node:(_http_server|_http_incoming|_http_common|internal\/http|internal\/stream_base_commons onStreamRead)/],
  ['log of the process', /\/pino\/|\/sonic-boom\/|\/thread-stream\//],
]

interface CallFrame {
  functionName: string
  url: string
}

/** The part of a function; null when it belongs to what called it, as Node's own helpers do. */
export function partOf ({ functionName, url }: CallFrame): string | null {
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (functionName === '(program)') return 'native code outside of JavaScript'
  return parts.find(([, place]) => place.test(`${url} ${functionName}`))?.[0] ?? null
}
