import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { freePort } from '../../support/free-port.ts'
import { folder } from '../../support/node.ts'
import { call, type ApiServer } from '../api-server.ts'
import { makeCertificate, type Certificate } from '../certificate.ts'
import { waitFor } from '../suite/support.ts'

const build = fileURLToPath(new URL('../build-apiserver.sh', import.meta.url))

/** A real kube-apiserver with a real etcd, on the loopback alone: RBAC on, bound tokens, nobody anonymous. */
export class KubeApiserver implements ApiServer {
  readonly certificate: Certificate
  readonly adminToken = randomBytes(16).toString('hex')
  readonly port: number
  readonly #folder: string
  readonly #bin: string
  readonly #etcd: { url: string, child: ChildProcess }
  readonly #extra: readonly string[]
  #child: ChildProcess | null = null

  private constructor (
    folder: string, bin: string, etcd: { url: string, child: ChildProcess }, port: number, extra: readonly string[]
  ) {
    this.#folder = folder
    this.#bin = bin
    this.#etcd = etcd
    this.#extra = extra
    this.port = port
    this.certificate = makeCertificate(folder)
    writeFileSync(join(folder, 'tokens.csv'), `${this.adminToken},admin,admin,system:masters\n`)
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    writeFileSync(join(folder, 'accounts.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }))
    writeFileSync(join(folder, 'accounts.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  }

  /** Builds it where that was not done yet, starts it, and ends it with the test. */
  static async open (t: Test, extra: readonly string[] = []): Promise<KubeApiserver> {
    const cache = execFileSync(build, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
    const bin = join(cache, 'bin')
    const path = folder(t)
    const etcd = await startEtcd(join(bin, 'etcd'), path)
    const server = new KubeApiserver(path, bin, etcd, await freePort(), extra)
    // The API server first: without etcd it would wait for it, and end late.
    t.teardown(async () => {
      await server.kill()
      await end(etcd.child)
    })
    await server.start()
    return server
  }

  async start (): Promise<void> {
    const { certPath, keyPath } = this.certificate
    const file = (name: string): string => join(this.#folder, name)
    const child = spawn(join(this.#bin, 'kube-apiserver'), [
      `--etcd-servers=${this.#etcd.url}`,
      '--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${this.port}`, '--insecure-port=0',
      `--tls-cert-file=${certPath}`, `--tls-private-key-file=${keyPath}`, `--client-ca-file=${certPath}`,
      `--token-auth-file=${file('tokens.csv')}`, '--authorization-mode=RBAC', '--anonymous-auth=false',
      '--service-account-issuer=https://kubernetes.default.svc', `--service-account-key-file=${file('accounts.pub')}`,
      `--service-account-signing-key-file=${file('accounts.key')}`, '--service-cluster-ip-range=10.96.0.0/16',
      // No controller makes the default service account that this plugin waits for.
      '--disable-admission-plugins=ServiceAccount',
      ...this.#extra,
    ], { stdio: ['ignore', 'ignore', 'pipe'], env: { HOME: this.#folder, PATH: process.env.PATH } })
    child.stderr!.pipe(createWriteStream(file('apiserver.log'), { flags: 'a' }))
    this.#child = child
    await waitFor(async () => {
      if (child.exitCode !== null) throw new Error(`kube-apiserver ended: ${this.log}`)
      const { status } = await call(this, 'GET', '/readyz').catch(() => ({ status: 0 }))
      return status === 200
    }, 'a kube-apiserver that is ready')
  }

  async kill (): Promise<void> {
    if (this.#child !== null) await end(this.#child)
    this.#child = null
  }

  /** The newest lines of what it said. */
  get log (): string {
    return readFileSync(join(this.#folder, 'apiserver.log'), 'utf8').slice(-2000)
  }
}

async function startEtcd (binary: string, path: string): Promise<{ url: string, child: ChildProcess }> {
  const [clients, peers] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${clients}`
  mkdirSync(join(path, 'etcd'), { mode: 0o700 })
  const child = spawn(binary, [
    '--unsafe-no-fsync', '--data-dir', join(path, 'etcd'), '--listen-client-urls', url, '--advertise-client-urls', url,
    '--listen-peer-urls', `http://127.0.0.1:${peers}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peers}`,
    '--initial-cluster', `default=http://127.0.0.1:${peers}`,
  ], { stdio: 'ignore', env: { PATH: process.env.PATH } })
  await waitFor(async () => {
    if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}`)
    return await fetch(`${url}/health`).then(({ ok }) => ok, () => false)
  }, 'an etcd that is healthy')
  return { url, child }
}

async function end (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
