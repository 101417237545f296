import t from 'tap'
import { parseEnvelope } from '../../plugins/json/envelope.ts'
import { Problem } from '../../storage/problem.ts'
import { RawJson } from '../../storage/raw-json.ts'

const depthMax = 5

function parse (text: string): any {
  return parseEnvelope(Buffer.from(text), depthMax)
}

function refusal (body: string | Buffer, depth = depthMax): { reason: string, offset: number } {
  try {
    parseEnvelope(Buffer.from(body), depth)
  } catch (error) {
    if (error instanceof Problem && error.code === 'INVALID_JSON') return error.params as any
    throw error
  }
  throw new Error(`accepted ${body}`)
}

t.test('a change is read into plain values, and its data stays opaque', async t => {
  const change = parse('{"key":"é\\n\\u00e9\\ud83d\\ude00","tags":["a",""],"revision":-1.5e2,"on":[true,false,null],"data":[1.0]}')
  t.equal(change.key, 'é\né😀')
  t.strictSame(change.tags, ['a', ''])
  t.equal(change.revision, -150)
  t.strictSame(change.on, [true, false, null])
  t.ok(change.data instanceof RawJson)
  t.equal(change.data.bytes.toString(), '[1.0]')
})

t.test('data keeps what a parser would lose', async t => {
  for (const text of [
    '12345678901234567890', '1e400', '1.0', '-0', '1E+2', '"\\u0041\\/\\ud800"', '{"b":1,"a":2,"b":3}',
    '{"__proto__":{"x":1},"constructor":null}', '"\u2028\u2029"', '{"data":{"data":1}}', 'null', '""', '{}', '[]',
  ]) {
    t.equal(parse(`{"data":${text}}`).data.bytes.toString(), text)
  }
})

t.test('data loses the white space between its tokens and none inside strings', async t => {
  const { data } = parse('{"data" : \r\n { "a b" : [ 1 ,\t" \\" , \\\\" , { } , [ ] ] , "c" : "d  e" }\n}')
  t.equal(data.bytes.toString(), '{"a b":[1," \\" , \\\\",{},[]],"c":"d  e"}')
})

t.test('only the data of the outermost object, and of objects in its arrays, is opaque', async t => {
  t.ok(parse('{"d\\u0061ta":[1]}').data instanceof RawJson, 'whatever way its name is written')
  const { then, changes } = parse('{"changes":[{"data":1},{"x":1,"data":2}],"then":[{"data":3}]}')
  for (const { data } of [...changes, ...then]) t.ok(data instanceof RawJson)
  t.strictSame(parse('{"a":{"data":[1]}}'), { a: { data: [1] } })
  t.strictSame(parse('[{"data":[1]}]'), [{ data: [1] }])
  t.strictSame(parse('[[{"data":[1]}]]'), [[{ data: [1] }]])
  t.strictSame(parse('{"a":[[{"data":1}]]}'), { a: [[{ data: 1 }]] })
  t.strictSame(parse('{"a":{"b":{"data":1}}}'), { a: { b: { data: 1 } } })
  t.strictSame(parse('{"a":[{"b":{"data":1}}]}'), { a: [{ b: { data: 1 } }] })
  t.strictSame(parse('{"Data":1,"data ":2,"":3}'), { Data: 1, 'data ': 2, '': 3 })
})

t.test('any value may be the outermost', async t => {
  t.equal(parse(' "a" '), 'a')
  t.equal(parse('" \x7f"'), ' \x7f', 'DEL is no control character to JSON')
  t.equal(parse('0'), 0)
  t.equal(parse('true'), true)
  t.strictSame(parse('[ ]'), [])
  t.strictSame(parse('{ }'), {})
})

t.test('__proto__ and constructor become members of their own, and change nothing else', async t => {
  const parsed = parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"hasOwnProperty":1}')
  t.strictSame(Object.keys(parsed), ['__proto__', 'constructor', 'hasOwnProperty'])
  t.equal(Object.getPrototypeOf(parsed), Object.prototype)
  t.equal(({} as any).polluted, undefined)
  t.match(refusal('{"__proto__":1,"__proto__":2}'), { reason: 'the member "__proto__" is there twice', offset: 15 })
})

t.test('short data does not hold a long body in memory', async t => {
  const long = 'x'.repeat(100_000)
  const body = Buffer.from(`{"changes":[{"data":"short"},{"data":"${long}"}]}`)
  const { changes } = parseEnvelope(body, depthMax) as { changes: { data: RawJson }[] }
  t.not(changes[0]!.data.bytes.buffer, body.buffer)
  t.equal(changes[0]!.data.bytes.toString(), '"short"')
  t.equal(changes[1]!.data.bytes.buffer, body.buffer, 'while long data is not copied')
})

t.test('strings are read right wherever they stand in a long body', async t => {
  const texts = Array.from({ length: 300 }, (_, index) => 'é'.repeat(index % 3) + 'x'.repeat(index * 7 % 600))
  t.strictSame(parse(JSON.stringify({ texts })), { texts })
})

t.test('what is wrong is said, and where', async t => {
  const cases: [string, string, number][] = [
    ['', 'the body is empty', 0],
    ['  ', 'expected a value, but the body ends', 2],
    ['\ufeff{}', 'a byte order mark must not stand before the value', 0],
    ['{} x', 'expected nothing after the value', 3],
    ['{}\0', 'expected nothing after the value', 2],
    ['{"a":1 "b":2}', "expected ',' or '}' after a member", 7],
    ['{"a":1]', "expected ',' or '}' after a member", 6],
    ['{"a":1', "expected ',' or '}' after a member, but the body ends", 6],
    ['[1 2]', "expected ',' or ']' after an element", 3],
    ['{"a" 1}', "expected ':' after a member name", 5],
    ['{"a"', "expected ':' after a member name, but the body ends", 4],
    ['{"a":1,}', 'expected a member name in double quotes', 7],
    ["{'a':1}", 'expected a member name in double quotes', 1],
    ['{', 'expected a member name in double quotes, but the body ends', 1],
    ['[1,]', 'expected a value', 3],
    ['[,1]', 'expected a value', 1],
    ['[tru]', 'expected a value', 1],
    ['[nul', 'expected a value', 1],
    ['NaN', 'expected a value', 0],
    ['[\v1]', 'expected a value', 1],
    ['[\u00a01]', 'expected a value', 1],
    ['+1', 'expected a value', 0],
    ['.5', 'expected a value', 0],
    ['01', 'a number must not begin with 0', 0],
    ['-01', 'a number must not begin with 0', 1],
    ['-', 'expected a digit, but the body ends', 1],
    ['[1.]', 'expected a digit', 3],
    ['[1.e5]', 'expected a digit', 3],
    ['1e', 'expected a digit, but the body ends', 2],
    ['[1e+]', 'expected a digit', 4],
    ['0x10', 'expected nothing after the value', 1],
    ['"a', 'expected a closing double quote, but the body ends', 2],
    ['"a\\', "expected one of \" \\ / b f n r t u after '\\', but the body ends", 3],
    ['"\\x"', "expected one of \" \\ / b f n r t u after '\\'", 2],
    ['"\\u00g0"', "expected four hexadecimal digits after '\\u'", 5],
    ['"\\u00', "expected four hexadecimal digits after '\\u', but the body ends", 5],
    ['"a\nb"', 'a control character in a string must be escaped', 2],
    ['"\0"', 'a control character in a string must be escaped', 1],
    ['"\x1f"', 'a control character in a string must be escaped', 1],
  ]
  for (const [text, reason, offset] of cases) {
    t.strictSame(refusal(text), { reason, offset }, JSON.stringify(text))
  }
  const before = '{"data":'
  for (const [text, reason, offset] of cases.slice(3)) {
    const inside = refusal(before + text)
    t.equal(inside.offset, before.length + offset, `data ${JSON.stringify(text)}`)
    if (reason !== 'expected nothing after the value') t.equal(inside.reason, reason)
  }
})

t.test('plain values have neither a member twice nor half of a surrogate pair', async t => {
  t.strictSame(refusal('{"a":1,"b":2,"\\u0061":3}'), { reason: 'the member "a" is there twice', offset: 13 })
  t.match(refusal('{"data":1,"data":2}'), { reason: 'the member "data" is there twice' })
  t.match(refusal('{"then":[{"key":"a","key":"b"}]}'), { reason: 'the member "key" is there twice' })
  for (const half of ['\\ud800', '\\udc00', '\\ud800\\ud800', '\\udc00\\ud800', '\\ud800x']) {
    t.strictSame(refusal(`{"key":"${half}"}`), { reason: 'a surrogate escape must be one of a pair', offset: 7 })
    t.match(refusal(`{"${half}":1}`), { reason: 'a surrogate escape must be one of a pair' })
  }
})

t.test('what is not UTF-8 is refused, in data too', async t => {
  for (const [bytes, offset] of [
    [[0xff], 9], [[0xc3, 0x28], 9], [[0xed, 0xa0, 0x80], 9], [[0xc0, 0x80], 9], [[0xf4, 0x90, 0x80, 0x80], 9],
  ] as const) {
    const body = Buffer.concat([Buffer.from('{"data":"'), Buffer.from(bytes), Buffer.from('"}')])
    t.strictSame(refusal(body), { reason: 'the body is not valid UTF-8', offset })
  }
  t.match(refusal(Buffer.from('{"a":1}', 'utf16le')), { reason: 'expected a member name in double quotes' })
  t.match(refusal(Buffer.from('\ufeff{}', 'utf16le')), { reason: 'the body is not valid UTF-8', offset: 0 })
})

t.test('nesting has a limit, which each data counts anew', async t => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  t.strictSame(refusal(nested(6)), { reason: 'nested deeper than 5 levels (CHANGEWELL_JSON_DEPTH_MAX)', offset: 5 })
  t.ok(parse(nested(5)))
  t.strictSame(refusal(`{"data":${nested(6)}}`), { reason: 'nested deeper than 5 levels (CHANGEWELL_JSON_DEPTH_MAX)', offset: 13 })
  t.ok(parse(`{"data":${nested(5)}}`))
  t.ok(parse(`{"changes":[{"data":${nested(5)}}]}`))
})

t.test('nesting as deep as a body is long does not overflow the stack', async t => {
  const depth = 1_000_000
  const objects = '{"a":'.repeat(depth)
  t.match(refusal('['.repeat(depth)), { reason: 'nested deeper than 5 levels (CHANGEWELL_JSON_DEPTH_MAX)' })
  t.match(refusal('{"data":' + '['.repeat(depth), depth), { reason: 'expected a value, but the body ends' })
  t.match(refusal('{"data":' + objects, depth), { reason: 'expected a value, but the body ends' })
  t.match(refusal(objects, depth), { reason: 'expected a value, but the body ends' })
  t.ok(parseEnvelope(Buffer.from('['.repeat(depth) + ']'.repeat(depth)), depth))
})

t.test('a plain value has the text that JSON.stringify gives it', async t => {
  t.equal(RawJson.of({ a: [1, 'é', null] }).bytes.toString(), '{"a":[1,"é",null]}')
  t.throws(() => RawJson.of(undefined), TypeError)
  t.throws(() => RawJson.of(() => 1), TypeError)
  t.throws(() => RawJson.of(1n), TypeError)
})
