import { createPrivateKey, X509Certificate } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { folder, run } from './command.ts'

test('authorities and certificates are made that OpenSSL takes, with keys for their owner alone', async (t) => {
  const dir = folder(t)
  const certs = (...args: string[]) => run(t, ['certs', ...args, '--dir', dir])
  t.match(await certs('init'), { code: 0, stderr: '' })
  t.match(await certs('server', 'node.example', '10.1.2.3', 'fe80::1'), { code: 0, stdout: /CHANGEWELL_TLS_CERT=.*server\.pem/ })
  t.match(await certs('client', 'Zoë Ω', '--file', 'zoe', '--days', '7'), { code: 0, stdout: /zoe\.pem .* are for Zoë Ω, until/ })
  t.match(await certs('peer', '--id', '0123456789abcdef'), { code: 0, stdout: /CHANGEWELL_PEER_TLS_CA=.*cluster-ca\.pem/ })
  const purposes = { server: ['ca', 'sslserver'], zoe: ['ca', 'sslclient'], peer: ['cluster-ca', 'sslclient'] }
  for (const [file, [authority, purpose]] of Object.entries(purposes)) {
    const args = ['verify', '-x509_strict', '-purpose', purpose!, '-CAfile', join(dir, `${authority}.pem`), join(dir, `${file}.pem`)]
    t.match(execFileSync('openssl', args).toString(), /: OK/, file)
    const key = createPrivateKey(readFileSync(join(dir, `${file}.key`)))
    const certificate = new X509Certificate(readFileSync(join(dir, `${file}.pem`)))
    t.ok(certificate.checkPrivateKey(key))
    t.equal(key.asymmetricKeyDetails?.namedCurve, 'prime256v1')
    t.equal(statSync(join(dir, `${file}.key`)).mode & 0o777, 0o600)
  }
  const named = (file: string) => new X509Certificate(readFileSync(join(dir, `${file}.pem`)))
  t.equal(named('server').subjectAltName, 'DNS:node.example, IP Address:10.1.2.3, IP Address:FE80:0:0:0:0:0:0:1')
  t.match(named('peer').subjectAltName, /DNS:localhost, IP Address:127\.0\.0\.1.*URI:urn:changewell:node:0123456789abcdef/)
  t.equal(named('zoe').toLegacyObject().subject.CN, 'Zoë Ω')
  const left = (Date.parse(named('zoe').validTo) - Date.now()) / 86_400_000
  t.ok(left > 6 && left < 8)
})

test('nothing is replaced unless that is wanted, and nothing is made without an authority', async (t) => {
  const dir = folder(t)
  const certs = (...args: string[]) => run(t, ['certs', ...args, '--dir', dir])
  t.match(await certs('server'), { code: 1, stderr: /ca\.(pem|key) cannot be read \(ENOENT\).*changewell certs init/ })
  t.equal((await certs('init')).code, 0)
  t.match(await certs('init'), { code: 1, stderr: /is there already\. Name another folder with --dir, or .*--force/ })
  t.equal((await certs('server')).code, 0)
  const before = readFileSync(join(dir, 'server.pem'), 'utf8')
  t.match(await certs('server'), { code: 1, stderr: /is there already\. Name another with --file, / })
  t.equal(readFileSync(join(dir, 'server.pem'), 'utf8'), before)
  t.equal((await certs('server', '--force')).code, 0)
  t.not(readFileSync(join(dir, 'server.pem'), 'utf8'), before)
})

test('what cannot be made is told, with how it can', async (t) => {
  const dir = folder(t)
  const wrong: [string[], RegExp][] = [
    [[], /Which certificate/],
    [['leaf'], /There is no certs leaf/],
    [['client'], /client needs one name/],
    [['client', '../x'], /cannot be the name of a file/],
    [['client', 'ca'], /ca is the name of an authority; name the files otherwise with --file/],
    [['client', 'CA'], /the name of an authority/],
    [['peer', '--file', 'cluster-ca', '--force'], /the name of an authority/],
    [['client', 'server'], /server is the name of what certs server makes; name the files of this client otherwise with --file/],
    [['client', 'Peer'], /Peer is the name of what certs peer makes/],
    [['client', 'ann', '--file', 'peer', '--force'], /the name of what certs peer makes/],
    [['server', '--file', 'peer'], /the name of what certs peer makes/],
    [['peer', '--file', 'server'], /the name of what certs server makes/],
    [['server', 'no host'], /"no host" is no host name/],
    [['peer', '--id', 'x'], /16 hex digits/],
    [['server', '--days', '0'], /--days/],
  ]
  const answers = await Promise.all(wrong.map(([args]) => run(t, ['certs', ...args, '--dir', dir])))
  answers.forEach((answer, index) => t.match(answer, { code: 2, stderr: wrong[index]![1] }, wrong[index]![0].join(' ')))
})

test('a client may be called as other files are, when its own files are not', async (t) => {
  const dir = folder(t)
  const certs = (...args: string[]) => run(t, ['certs', ...args, '--dir', dir])
  t.equal((await certs('init')).code, 0)
  t.equal((await certs('client', 'server', '--file', 'web')).code, 0)
  t.match(new X509Certificate(readFileSync(join(dir, 'web.pem'))).subject, 'CN=server')
  t.match(await certs('server', '--file', 'web'), { code: 1, stderr: /web\.pem is there already/ })
  t.equal((await certs('server', '--file', 'server')).code, 0)
})

test('a certificate is good for no longer than its authority, and a folder that cannot be made is told', async (t) => {
  const dir = join(folder(t), 'made', 'certs')
  const certs = (...args: string[]) => run(t, ['certs', ...args, '--dir', dir])
  t.equal((await certs('init', '--days', '1')).code, 0)
  const tomorrow = new X509Certificate(readFileSync(join(dir, 'ca.pem'))).validTo
  t.match(await certs('server', '--days', '30'), { code: 0, stdout: `until ${new Date(tomorrow).toISOString().slice(0, 10)}` })
  t.equal(new X509Certificate(readFileSync(join(dir, 'server.pem'))).validTo, tomorrow)
  const nowhere = '/proc/nowhere'
  t.match(await run(t, ['certs', 'init', '--dir', nowhere]), { code: 1, stderr: /The folder \/proc\/nowhere cannot be made \(.*--dir/ })
})
