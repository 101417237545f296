import { createHash } from 'node:crypto'
import { hashSync } from '@node-rs/bcrypt'
import { test } from 'tap'
import { startNode, type Headers } from '../api/client.ts'
import { basic, bearer, files, passwordLine, tokenOf } from './files.ts'

/** Wrong credentials of any kind. */
const wrong: Record<string, string> = {
  'another password': basic('ann', 'bob').authorization,
  'no password': basic('ann', '').authorization,
  'an unknown user': basic('eve').authorization,
  'an unknown user with a name as long as a header': basic('e'.repeat(5000)).authorization,
  'no colon': `Basic ${Buffer.from('ann').toString('base64')}`,
  'no base64': 'Basic !!!',
  'an unknown token': bearer('eve').authorization,
  'a token that begins well': `${bearer('ci').authorization}1`,
  'an empty token': 'Bearer ',
  'the hash of a token in its place': `Bearer sha256:${createHash('sha256').update(tokenOf('ci')).digest('hex')}`,
  'a name for a password': `Bearer ${Buffer.from('ann:ann').toString('base64')}`,
  'another scheme': 'Digest username="ann"',
  nothing: '',
}

test('names and passwords, and tokens, are taken; whatever is wrong is refused alike', async (t) => {
  const client = await startNode(t, files(t, { users: ['ann', 'bob'], tokens: ['ci'] }).config)
  const right: Headers[] = [basic('ann'), basic('bob'), basic('ann'), bearer('ci'), { authorization: bearer('ci').authorization.replace('Bearer', 'BEARER  ') }]
  for (const headers of right) t.equal((await client.get('/changes', headers)).status, 200, String(headers.authorization))
  for (const [what, authorization] of Object.entries(wrong)) {
    const answer = await client.get('/changes', { authorization })
    t.match(answer, { status: 401, body: { code: 'UNAUTHENTICATED', schemes: ['Basic', 'Bearer'] } }, what)
    t.equal(answer.headers['www-authenticate'], 'Basic realm="changewell", charset="UTF-8", Bearer realm="changewell"')
  }
  t.match((await client.get('/changes')).body, { code: 'UNAUTHENTICATED' }, 'and none at all')
})

test('whether there is such a user cannot be told from the answer', async (t) => {
  const client = await startNode(t, files(t, { users: ['ann'] }).config)
  const [known, unknown] = [await client.get('/changes', basic('ann', 'x')), await client.get('/changes', basic('eve', 'x'))]
  t.equal(known.body.detail, unknown.body.detail)
})

test('names may be of any script, and passwords hold colons', async (t) => {
  const { config, write } = files(t, { users: [] })
  config.authHtpasswd = write('passwords', passwordLine('Zoë Ω', 'a:b:ü') + '\n# a comment\n')
  const client = await startNode(t, config)
  t.equal((await client.get('/changes', basic('Zoë Ω', 'a:b:ü'))).status, 200)
  t.equal((await client.get('/changes', basic('Zoë Ω', 'a:b'))).status, 401)
})

test('a token can be kept as its hash, and a name can have several', async (t) => {
  const { config, write } = files(t, { tokens: ['old'] })
  const digest = createHash('sha256').update(tokenOf('new')).digest('hex')
  write('tokens', `${tokenOf('old')} deploy bot\nsha256:${digest}\tdeploy bot\n`)
  const client = await startNode(t, config)
  for (const name of ['old', 'new']) t.equal((await client.get('/changes', bearer(name))).status, 200)
})

test('wrong credentials do not fall back to what is allowed without any', async (t) => {
  const policy = { anonymous: { read: ['*'] }, identities: { ci: { metrics: true } } }
  const client = await startNode(t, files(t, { tokens: ['ci'], policy }).config)
  t.equal((await client.get('/changes')).status, 200)
  t.equal((await client.get('/changes', bearer('ci'))).status, 200, 'credentials take nothing away')
  t.equal((await client.get('/changes', bearer('eve'))).status, 401)
})

test('who guesses has to wait, and nobody else', async (t) => {
  const client = await startNode(t, { ...files(t, { users: ['ann', 'bob'], tokens: ['ci'] }).config, authFailuresMax: 5 })
  const from = (remoteAddress: string, headers: Headers) => client.app.inject({ url: '/changes', headers, remoteAddress })
  const [guesser, office] = ['192.0.2.1', '192.0.2.2']
  t.equal((await from(guesser, basic('ann'))).statusCode, 200, 'ann works there, too')
  for (let guess = 0; guess < 5; guess++) t.equal((await from(guesser, basic('ann', `guess ${guess}`))).statusCode, 401)

  const limited = await from(guesser, basic('ann', 'guess'))
  t.equal(limited.statusCode, 429)
  t.match(limited.json(), { code: 'TOO_MANY_ATTEMPTS' })
  t.ok(Number(limited.headers['retry-after']) > 0)
  t.equal((await from(guesser, basic('eve', 'guess'))).statusCode, 429, 'whatever the name')
  t.equal((await from(guesser, bearer('eve'))).statusCode, 429, 'or the kind of credentials')
  t.equal((await from(guesser, basic('bob'))).statusCode, 429, 'what is right is not even looked at, or it could be guessed on')

  t.equal((await from(guesser, basic('ann'))).statusCode, 200, 'a password that is known to be right is not limited')
  t.equal((await from(guesser, bearer('ci'))).statusCode, 200, 'nor is a right token')
  t.equal((await from(office, basic('bob'))).statusCode, 200, 'nor another address')
  t.equal((await from(guesser, {})).statusCode, 401, 'and who sends none is told what is wrong')
  const counted = (await client.get('/metrics', bearer('ci'))).text
  t.match(counted, /changewell_auth_denied_total\{code="TOO_MANY_ATTEMPTS"\} 4\n/)
  t.match(counted, /changewell_auth_denied_total\{code="UNAUTHENTICATED"\} 6\n/)
})

test('guesses at one name from everywhere are limited, too, and its user goes on', async (t) => {
  const client = await startNode(t, { ...files(t, { users: ['ann', 'bob'] }).config, authFailuresMax: 1 })
  const from = (place: number, headers: Headers) => client.app.inject({ url: '/changes', headers, remoteAddress: `2001:db8:0:${place.toString(16)}::1` })
  t.equal((await from(0, basic('ann'))).statusCode, 200)
  // At once: how many there may be grows with time.
  const guesses = Array.from({ length: 10 }, (_, at) => from(at + 1, basic('ann', `guess ${at}`)))
  for (const { statusCode } of await Promise.all(guesses)) t.equal(statusCode, 401)
  t.equal((await from(11, basic('ann', 'guess'))).statusCode, 429)
  t.equal((await from(12, basic('ann'))).statusCode, 200, 'a password that is known to be right')
  t.equal((await from(13, basic('bob'))).statusCode, 200, 'another name')
})

test('many requests with one new password ask bcrypt once, and are one guess', async (t) => {
  const client = await startNode(t, { ...files(t, { users: ['ann'] }).config, authFailuresMax: 1 })
  const answers = await Promise.all(Array.from({ length: 50 }, () => client.get('/changes', basic('ann'))))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
})

test('guesses that come all at once are no more than one after another', async (t) => {
  const client = await startNode(t, { ...files(t, { users: ['ann'] }).config, authFailuresMax: 3 })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, guess) => client.get('/changes', basic('ann', `guess ${guess}`))))
  t.equal(answers.filter(({ status }) => status === 401).length, 3)
  t.equal(answers.filter(({ status }) => status === 429).length, 17)
})

test('the main thread is free while a password is checked', async (t) => {
  const { config, write } = files(t, { users: ['ann'] })
  write('passwords', `ann:${hashSync('ann', 12).replace('$2b$', '$2y$')}\n`)
  const client = await startNode(t, config)
  let turns = 0
  const turn = (): void => { turns++; timer = setImmediate(turn) }
  let timer = setImmediate(turn)
  t.equal((await client.get('/changes', basic('ann'))).status, 200)
  clearImmediate(timer)
  t.ok(turns > 50, `the event loop turned ${turns} times`)
})

test('without a policy whoever has credentials may do everything', async (t) => {
  const client = await startNode(t, files(t, { users: ['ann'] }).config)
  t.equal((await client.post('/changes', { data: 1 }, basic('ann'))).status, 201)
  t.equal((await client.put('/health', { up: true }, basic('ann'))).status, 200)
  t.equal((await client.get('/metrics', basic('ann'))).status, 200)
  t.equal((await client.get('/metrics')).status, 401)
  t.equal((await client.get('/livez')).status, 200)
  t.equal((await client.get('/nothing')).status, 404, 'there is nothing to guard')
})

test('where nothing is found nobody waits for a revision: whoever has no credentials would take the place of a long poll', async (t) => {
  const client = await startNode(t, { ...files(t, { users: ['ann'] }).config, leaderWaitSeconds: 3600 })
  const ahead = { 'changewell-min-revision': '999999' }
  t.equal((await client.get('/nothing', ahead)).status, 404)
  t.equal((await client.post('/nothing', { data: 1 }, ahead)).status, 404)
  t.equal((await client.get('/changes', ahead)).status, 401)
})
