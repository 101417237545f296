import pino from 'pino'
import { test, type Test } from 'tap'
import { loadConfig, type Config } from '../../app/config.ts'
import { buildServer } from '../../app/server.ts'
import { StreamReader } from '../feeds/stream-reader.ts'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { folder, startProcess, until } from '../support/node.ts'
import { environmentOf } from '../tls/environment.ts'
import { basic, bearer, files, passwordLine, tokenOf } from './files.ts'

const rights = { ops: { read: ['*'], metrics: true }, ann: { read: ['*'] } }

test('passwords, tokens and the policy are read again when they change, or on SIGHUP, and bad ones are refused', async (t) => {
  const { config, write } = files(t, { users: ['ann'], tokens: ['ops'], policy: { identities: rights } })
  const node = await startProcess(t, environmentOf(config))
  const status = async (headers: Record<string, string>): Promise<number> => (await fetch(`${node.url}/changes`, { headers })).status
  const count = async (file: string, result: string): Promise<number> => {
    const text = await (await fetch(`${node.url}/metrics`, { headers: bearer('ops') })).text()
    return Number(new RegExp(`changewell_auth_reloads_total\\{file="${file}",result="${result}"\\} (\\d+)`).exec(text)?.[1])
  }
  const stream = await StreamReader.open(t, `${node.url}/changes`, { framing: 'sse', ...bearer('ops') })
  t.same([await status(basic('ann')), await status(basic('bob')), await status(bearer('ci'))], [200, 401, 401])

  // Noticed by themselves.
  write('passwords', passwordLine('ann', 'ann') + passwordLine('bob', 'bob'))
  await until(async () => await status(basic('bob')) === 403, 'the new user, who has no rights yet', 120)
  write('policy', JSON.stringify({ identities: { ...rights, bob: { read: ['*'] }, ci: { read: ['*'] } } }))
  await until(async () => await status(basic('bob')) === 200, 'the new rights', 120)
  t.same([await count('passwords', 'loaded'), await count('rights', 'loaded')], [1, 1])

  // What is wrong changes nothing.
  const bad = { passwords: 'ann:plain\n', tokens: 'short ops\n', policy: '{"identities":{"ann":{"reed":[]}}}' } as const
  for (const [which, text] of Object.entries(bad)) write(which as keyof typeof bad, text)
  for (const [holds, words] of [['passwords', 'not of bcrypt'], ['tokens', '5 characters'], ['rights', 'no role']] as const) {
    await until(async () => await count(holds, 'refused') === 1, `bad ${holds} to be counted`, 120)
    const line = JSON.parse(node.lines.findLast((text) => text.includes(`the new ${holds} are refused`)) ?? '{}')
    t.match(line, { level: 'error', msg: `the new ${holds} are refused, and the old ones stay in force` })
    t.match(line.msg, words)
  }
  t.same([await status(basic('ann')), await status(basic('bob')), await status(bearer('ops'))], [200, 200, 200])

  // What has not changed since is read again on the signal alone.
  node.child.kill('SIGHUP')
  for (const holds of ['passwords', 'tokens', 'rights']) {
    await until(async () => await count(holds, 'refused') === 2, `bad ${holds} to be read again`, 120)
  }
  write('passwords', passwordLine('ann', 'ann'))
  write('tokens', `${tokenOf('ops')} ops\n${tokenOf('ci')} ci\n`)
  await until(async () => await status(bearer('ci')) === 200, 'the new token', 120)
  await until(async () => await status(basic('bob')) === 401, 'the user who is gone', 120)
  t.equal(node.child.exitCode, null)
  t.equal(stream.problem, null)
  t.equal(stream.response.complete, false, 'the stream goes on')
})

/** What the start says of who may come, with its level. */
async function said (t: Test, overrides: Partial<Config>): Promise<{ level: number, msg: string }[]> {
  const lines: { level: number, msg: string }[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => { lines.push(JSON.parse(line)) } })
  const config = { ...loadConfig({}), dataDir: folder(t), logSegmentBytes: 256 * 1024, ...overrides }
  const app = await buildServer(config, logger)
  t.teardown(() => app.close())
  return lines.filter(({ msg }) => /may read and change everything|who may do what is decided/.test(msg))
}

test('a node that asks for no credentials says so at the start, and warns where others can reach it', async (t) => {
  t.match(await said(t, {}), [{ level: 30, msg: /^no credentials are asked for: whoever reaches 127\.0\.0\.1 may/ }])
  t.match(await said(t, { host: '0.0.0.0' }), [{ level: 40, msg: /^no credentials are asked for: whoever reaches 0\.0\.0\.0 may/ }])
  const pem = new PemFolder(t)
  const secure = { ...pem.server(leaf(authority())), ...pem.clients([authority('Client CA')], 'required') }
  const host = '0.0.0.0'
  t.match(await said(t, { host, ...secure }), [{ level: 30, msg: /^whoever has a certificate of / }])
  const beside = { ...secure, clientAuth: 'optional' as const, httpHost: '0.0.0.0', httpPort: 0 }
  const both = /^no credentials are asked for: whoever reaches 127\.0\.0\.1 or 0\.0\.0\.0 may/
  t.match(await said(t, beside), [{ level: 40, msg: both }])
  const { config } = files(t, { users: ['ann'] })
  const decided = /^who may do what is decided by passwords .*whoever has credentials may/
  t.match(await said(t, { host, ...config }), [{ level: 30, msg: decided }])
})
