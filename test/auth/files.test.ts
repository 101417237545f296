import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from '@node-rs/bcrypt'
import { test } from 'tap'
import { addressOf } from '../../plugins/auth/address.ts'
import { Attempts } from '../../plugins/auth/attempts.ts'
import { parseHtpasswd } from '../../plugins/auth/htpasswd.ts'
import { parsePolicy } from '../../plugins/auth/policy.ts'
import { parseTokens } from '../../plugins/auth/tokens.ts'
import { startNode } from '../api/client.ts'
import { run } from '../app/command.ts'
import { folder } from '../support/node.ts'
import { passwordLine, tokenOf } from './files.ts'

const hash = hashSync('x', 4)

test('every fault of an htpasswd file is found, with its line and a remedy', async (t) => {
  const lines: [string, RegExp | null][] = [
    [`ann:${hash}`, null],
    ['# a comment', null],
    ['', null],
    [`zoë:${hash.replace('$2b$', '$2y$')}\r`, null],
    ['bob', /no colon/],
    [`ann:${hash}`, /"ann" is there twice; keep one/],
    ['eve:$apr1$salt$hash', /not of bcrypt.*htpasswd -B/],
    ['eve:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /not of bcrypt/],
    ['eve:plain', /not of bcrypt/],
    [`eve:${hash.slice(0, -1)}`, /not of bcrypt/],
    [`eve:${hash.replace('$04$', '$31$')}`, /cost of the hash is 31, and at most 14/],
    [`eve:${hash.replace('$04$', '$99$')}`, /not of bcrypt/],
    [`:${hash}`, /name is empty/],
  ]
  const { value, faults } = parseHtpasswd(lines.map(([line]) => line).join('\n'))
  t.same([...value.keys()], ['ann', 'zoë'])
  t.same(faults.map(({ line }) => line), lines.flatMap(([, fault], at) => fault === null ? [] : [at + 1]))
  for (const { line, reason } of faults) t.match(reason, lines[line - 1]![1]!)
  t.match(parseHtpasswd('\n# nobody\n').faults, [{ line: 0, reason: /names nobody/ }])
})

test('every fault of a file of tokens is found, and no token is told', async (t) => {
  const digest = 'ab'.repeat(32)
  const lines: [string, RegExp | null][] = [
    [`${tokenOf('ann')} ann`, null],
    [`  sha256:${digest}   a name with spaces  `, null],
    [tokenOf('bob'), /no name after the token/],
    ['short ann', /5 characters, and 20 are the least.*openssl rand/],
    [`${'x'.repeat(20)}! ann`, /characters that a bearer token cannot have/],
    [`sha256:${digest}00 ann`, /64 hex digits/],
    [`sha256:${digest.toUpperCase()} bob`, /the token is there twice/],
    [`${tokenOf('ann')} bob`, /the token is there twice/],
  ]
  const { value, faults } = parseTokens(lines.map(([line]) => line).join('\n'))
  t.same([...value.names()], ['ann', 'a name with spaces'])
  t.same(faults.map(({ line }) => line), lines.flatMap(([, fault], at) => fault === null ? [] : [at + 1]))
  for (const { line, reason } of faults) {
    t.match(reason, lines[line - 1]![1]!)
    t.notOk(reason.includes('xxx') || reason.includes('short') || reason.includes(tokenOf('ann')))
  }
  t.match(parseTokens('').faults, [{ line: 0, reason: /no token/ }])
})

test('every fault of a policy is found, with its line and a remedy', async (t) => {
  const { faults } = parsePolicy(`{
  "anonymus": {},
  "anonymous": [],
  "identities": {
    "ann": { "read": "coke", "write": ["coke/*", "", "a//b", 5, "*x", "42", "_system"] },
    "bob": { "admin": ["*"], "god": true },
    "ann": {},
    "": {},
    "eve": "all"
  }
}`)
  const wanted: [number, RegExp][] = [
    [2, /"anonymus" means nothing here; write \{"anonymous"/],
    [3, /rights are an object/],
    [5, /read is an array/], [5, /"" is no .* must not be empty/],
    [5, /"coke\/\*" is no tenant's name: it must end before the slash.*\("coke"\)/],
    [5, /"a\/\/b"/], [5, /names of tenants in quotes/],
    [5, /only "\*" alone/], [5, /must not be a number/], [5, /reserved/],
    [6, /admin is true or false/],
    [6, /no role "god"/], [7, /"ann" is there twice/], [8, /name is empty/], [9, /rights are an object/],
  ]
  t.same(faults.map(({ line }) => line).sort((a, b) => a - b), wanted.map(([line]) => line))
  for (const [line, words] of wanted) {
    t.ok(faults.some((fault) => fault.line === line && words.test(fault.reason)), `${line} ${words.source}`)
  }
  for (const { reason } of faults) t.notMatch(reason, /\.$/)
})

test('a policy that is not JSON says where', async (t) => {
  const texts: [string, number][] = [
    ['{\n"identities": {}\n,}', 3], ['{\n  "anonymous": {\n', 2], ['', 1], ['{} {}', 1], ['nothing', 1], ["{'a': 1}", 1],
  ]
  for (const [text, line] of texts) {
    const { faults } = parsePolicy(text)
    t.equal(faults.length, 1, text)
    t.match(faults[0], { line, reason: /^it is not JSON \(.*\); write/ }, text)
  }
  t.match(parsePolicy('[]').faults, [{ line: 1, reason: /a policy is an object/ }])
})

test('rights on a tenant are rights on what is below it, and on nothing beside it', async (t) => {
  const { value, faults } = parsePolicy(JSON.stringify({
    anonymous: { read: ['public'] },
    identities: { ann: { read: ['coke', 'pepsi/eu'], write: ['coke/deployments'] }, all: { write: ['*'] } },
  }))
  t.same(faults, [])
  const ann = value.rightsOf('ann')
  for (const name of ['coke', 'coke/a', 'coke/a/b', 'pepsi/eu', 'pepsi/eu/west', 'public/x']) t.ok(ann.covers('read', name), name)
  for (const name of ['cokes', 'co', 'pepsi', 'pepsi/europe', 'pepsi/us', '', 'x/coke', 'Coke']) t.notOk(ann.covers('read', name), name)
  t.ok(ann.covers('write', 'coke/deployments'))
  t.notOk(ann.covers('write', 'coke'))
  t.notOk(ann.coversAll('read'))
  t.ok(value.rightsOf('all').coversAll('write'))
  t.ok(value.rightsOf('all').covers('write', 'whatever/there/is'))
  t.notOk(value.rightsOf('all').covers('read', 'coke'), 'to write is not to read')
  for (const identity of [null, 'stranger', '__proto__', 'constructor']) {
    const rights = value.rightsOf(identity)
    t.ok(rights.covers('read', 'public'))
    t.notOk(rights.has('write') || rights.has('admin') || rights.has('metrics') || rights.covers('read', 'coke'), String(identity))
  }
})

test('failures are forgotten evenly, and the memory for them is bounded', async (t) => {
  let now = 0
  const attempts = new Attempts(6, () => now)
  for (let failure = 0; failure < 6; failure++) {
    t.equal(attempts.waitSeconds('a'), 0)
    attempts.add('a')
  }
  t.equal(attempts.waitSeconds('a'), 10, 'one is forgotten every ten seconds')
  t.equal(attempts.waitSeconds('b'), 0)
  now = 9_000
  t.equal(attempts.waitSeconds('a'), 1)
  now = 10_000
  t.equal(attempts.waitSeconds('a'), 0)
  attempts.add('a')
  t.equal(attempts.waitSeconds('a'), 10)
  attempts.takeBack('a')
  t.equal(attempts.waitSeconds('a'), 0)
  now = 1e9
  for (let failure = 0; failure < 6; failure++) attempts.add('a')
  t.ok(attempts.waitSeconds('a') > 0, 'what was forgotten long ago gives no credit')
  for (let who = 0; who < 20_000; who++) attempts.add(`who ${who}`)
  t.equal(attempts.size, 10_000)
})

test('an address of IPv6 stands for its network', async (t) => {
  t.equal(addressOf('192.0.2.1'), '192.0.2.1')
  t.equal(addressOf('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(addressOf('2001:db8::1'), addressOf('2001:db8:0:0:ffff::2'))
  t.not(addressOf('2001:db8::1'), addressOf('2001:db8:0:1::1'))
  t.equal(addressOf('2001:0db8:0001:0002:3:4:5:6'), '2001:db8:1:2')
  t.equal(addressOf('::1'), '0:0:0:0')
})

test('a node does not start with wrong files, and tells every fault of all of them', async (t) => {
  const directory = folder(t)
  const path = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const { code, stderr } = await run(t, ['serve'], {
    CHANGEWELL_DATA_DIR: join(directory, 'data'),
    CHANGEWELL_PORT: '0',
    CHANGEWELL_PEER_PORT: '0',
    CHANGEWELL_AUTH_HTPASSWD: path('passwords', `${passwordLine('ann', 'x')}bob:plain\n`),
    CHANGEWELL_AUTH_TOKENS: join(directory, 'missing'),
    CHANGEWELL_AUTH_POLICY: path('policy', '{\n "identities": {\n "ann": { "reed": [] } } }'),
  })
  t.equal(code, 1)
  t.match(stderr, `${directory}/passwords:2: the hash is not of bcrypt; write it again with htpasswd -B ("bob").`)
  t.match(stderr, `${directory}/missing: it cannot be read (ENOENT); correct CHANGEWELL_AUTH_TOKENS`)
  t.match(stderr, `${directory}/policy:3: there is no role "reed"`)
  t.notMatch(stderr, /\n {4}at /, 'without a stack')
})

test('a policy for those who cannot show who they are stops the start; one for everybody alone does not', async (t) => {
  const directory = folder(t)
  const policy = join(directory, 'policy')
  writeFileSync(policy, '{"identities":{"ann":{"read":["*"]}}}')
  const settings = {
    CHANGEWELL_DATA_DIR: join(directory, 'data'),
    CHANGEWELL_PORT: '0',
    CHANGEWELL_PEER_PORT: '0',
    CHANGEWELL_AUTH_POLICY: policy,
  }
  const { code, stderr } = await run(t, ['serve'], settings)
  t.equal(code, 1)
  t.match(stderr, /gives rights to "ann", but nobody can show to be that: set CHANGEWELL_AUTH_HTPASSWD/)

  writeFileSync(policy, '{"anonymous":{"read":["*"]}}')
  const client = await startNode(t, { authPolicy: policy })
  t.equal((await client.get('/changes')).status, 200)
  const refused = await client.post('/changes', {})
  t.match(refused, { status: 403, body: { code: 'FORBIDDEN', identity: null, role: 'write' } })
})
