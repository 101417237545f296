import t from 'tap'
import { ResponseReader } from '../../bench/client/response-reader.ts'

const responses = Buffer.from([
  'HTTP/1.1 201 Created\r\nContent-Length: 5\r\nx: y\r\n\r\nhello',
  'HTTP/1.1 304 Not Modified\r\netag: "1"\r\n\r\n',
  'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n10\r\n, second\r\n, last\r\n0\r\n\r\n',
  'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}',
].join(''))

const expected = ['201 hello', '304 ', '200 ', '200 first, second\r\n, last', '503 {}']

function read (parts: Buffer[]): string[] {
  const found: string[] = []
  let body = ''
  const reader = new ResponseReader({
    onBody: (part) => { body += part.toString() },
    onEnd: (status) => {
      found.push(`${status} ${body}`)
      body = ''
    },
  })
  for (const part of parts) reader.push(part)
  return found
}

t.test('responses that come together are told apart', async (t) => {
  t.same(read([responses]), expected)
})

t.test('a response is the same wherever it is cut', async (t) => {
  for (let cut = 1; cut < responses.length; cut++) {
    const found = read([responses.subarray(0, cut), responses.subarray(cut)])
    if (JSON.stringify(found) !== JSON.stringify(expected)) t.same(found, expected, `cut at byte ${cut}`)
  }
  t.same(read([...responses].map((byte) => Buffer.of(byte))), expected, 'byte by byte')
})

t.test('a response ends with its last byte and not before', async (t) => {
  t.same(read([responses.subarray(0, -1)]), expected.slice(0, -1))
})
