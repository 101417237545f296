import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parse } from 'yaml'
import openKubernetes from '../../discovery/kubernetes.ts'
import type { DiscoveryLogger, Provider } from '../../discovery/provider.ts'
import { folder } from '../support/node.ts'
import { call, expectCall, type ApiServer } from './api-server.ts'
import { Meddler } from './meddler.ts'
import { waitFor } from './suite/wait-for.ts'

const manifests = new URL('../../deploy/kubernetes/', import.meta.url)

/** The rules of the Role that is shipped: what discovery does beyond them is refused. */
export const shippedRules = (parse(readFileSync(new URL('role.yaml', manifests), 'utf8')) as { rules: Rule[] }).rules

export interface Rule {
  apiGroups: string[]
  resources: string[]
  verbs: string[]
}

export const selector = 'app.kubernetes.io/name=changewell'

export interface PodOptions {
  /** Null while the kubelet has given none. */
  ip?: string | null
  port?: number
  labels?: Record<string, string>
}

export interface OpenOptions {
  selector?: string
  lease?: string
  listSeconds?: number
  logger?: DiscoveryLogger
  meddler?: Meddler
}

/** A namespace of its own for a test, with the Role that is shipped; and the deeds of a kubelet. */
export class Namespace {
  readonly name: string
  readonly server: ApiServer
  readonly #t: Test
  readonly #dirs = new Map<string, string>()

  private constructor (t: Test, server: ApiServer, name: string) {
    this.#t = t
    this.server = server
    this.name = name
  }

  static async create (t: Test, server: ApiServer): Promise<Namespace> {
    const name = `test-${randomBytes(5).toString('hex')}`
    const namespace = new Namespace(t, server, name)
    await expectCall(server, 'POST', '/api/v1/namespaces', { metadata: { name } })
    await expectCall(server, 'POST', namespace.path('serviceaccounts'), { metadata: { name: 'changewell' } })
    await namespace.#putRules(shippedRules)
    await expectCall(server, 'POST', namespace.path('rolebindings'), {
      metadata: { name: 'changewell' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'changewell' },
      subjects: [{ kind: 'ServiceAccount', name: 'changewell', namespace: name }],
    })
    await namespace.#settled(shippedRules)
    return namespace
  }

  /** The path of a kind in this namespace, and of one of its objects. */
  path (resource: string, name = ''): string {
    const groups: Record<string, string> = { leases: 'coordination.k8s.io', roles: 'rbac.authorization.k8s.io', rolebindings: 'rbac.authorization.k8s.io' }
    const group = groups[resource]
    return `/${group === undefined ? 'api' : `apis/${group}`}/v1/namespaces/${this.name}/${resource}${name === '' ? '' : `/${name}`}`
  }

  /** What the service account may do, from now on. */
  async setRules (rules: readonly Rule[]): Promise<void> {
    await this.#putRules(rules)
    await this.#settled(rules)
  }

  async #putRules (rules: readonly Rule[]): Promise<void> {
    const body = { metadata: { name: 'changewell' }, rules }
    const { status } = await call(this.server, 'POST', this.path('roles'), body)
    if (status === 409) await expectCall(this.server, 'PUT', this.path('roles', 'changewell'), body)
  }

  /** Resolves when the server goes by these rules, which is a little later than when it knows them. */
  async #settled (rules: readonly Rule[]): Promise<void> {
    for (const { apiGroups: [group], resources: [resource], verbs } of shippedRules) {
      for (const verb of verbs) {
        const isAllowed = rules.some((rule) => rule.resources.includes(resource!) && rule.verbs.includes(verb))
        await waitFor(async () => {
          const { status } = await expectCall(this.server, 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
            spec: {
              user: `system:serviceaccount:${this.name}:changewell`,
              resourceAttributes: { namespace: this.name, verb, group, resource },
            },
          })
          return status.allowed === isAllowed
        }, `the right to ${verb} ${resource}`)
      }
    }
  }

  /** The shipped rules without one verb. */
  async forbid (resource: string, verb: string): Promise<void> {
    await this.setRules(shippedRules.map((rule) => (
      rule.resources.includes(resource) ? { ...rule, verbs: rule.verbs.filter((one) => one !== verb) } : rule)))
  }

  /** Makes a pod as the scheduler and the kubelet would: on a machine, running, with an address. */
  async createPod (name: string, { ip = '10.0.0.1', port = 9001, labels = {} }: PodOptions = {}): Promise<void> {
    await expectCall(this.server, 'POST', this.path('pods'), {
      metadata: { name, labels: { 'app.kubernetes.io/name': 'changewell', ...labels } },
      spec: {
        nodeName: 'machine',
        serviceAccountName: 'changewell',
        containers: [{ name: 'changewell', image: 'changewell', ports: [{ name: 'api', containerPort: 9000 }, { name: 'peers', containerPort: port }] }],
      },
    })
    if (ip !== null) await this.giveAddress(name, ip)
  }

  async giveAddress (name: string, ip: string): Promise<void> {
    await this.setStatus(name, { phase: 'Running', podIP: ip, podIPs: [{ ip }] })
  }

  async setStatus (name: string, status: object): Promise<void> {
    await expectCall(this.server, 'PATCH', `${this.path('pods', name)}/status`, { status }, 'application/merge-patch+json')
  }

  async annotate (name: string, annotations: Record<string, string | null>): Promise<void> {
    await expectCall(this.server, 'PATCH', this.path('pods', name), { metadata: { annotations } }, 'application/merge-patch+json')
  }

  async annotationsOf (name: string): Promise<Record<string, string>> {
    return (await expectCall(this.server, 'GET', this.path('pods', name))).metadata.annotations ?? {}
  }

  /** Begins to delete the pod; it goes when its containers have ended, which `finishPod` says. */
  async deletePod (name: string): Promise<void> {
    await expectCall(this.server, 'DELETE', `${this.path('pods', name)}?gracePeriodSeconds=30`)
  }

  async isTerminating (name: string): Promise<boolean> {
    return (await expectCall(this.server, 'GET', this.path('pods', name))).metadata.deletionTimestamp !== undefined
  }

  async finishPod (name: string): Promise<void> {
    await expectCall(this.server, 'DELETE', `${this.path('pods', name)}?gracePeriodSeconds=0`)
  }

  async leaseOf (name: string): Promise<any> {
    const { status, body } = await call(this.server, 'GET', this.path('leases', name))
    return status === 404 ? null : body
  }

  async deleteLease (name: string): Promise<void> {
    await expectCall(this.server, 'DELETE', this.path('leases', name))
  }

  /** The folder with the pod's token, bound to a Secret of its own so that it can be made invalid. */
  async serviceAccountDir (pod: string): Promise<string> {
    let dir = this.#dirs.get(pod)
    if (dir === undefined) {
      dir = join(folder(this.#t), pod)
      this.#dirs.set(pod, dir)
      mkdirSync(dir)
      writeFileSync(join(dir, 'ca.crt'), this.server.certificate.cert)
      writeFileSync(join(dir, 'namespace'), this.name)
      await this.renewToken(pod)
    }
    return dir
  }

  /** Writes a new token into the pod's folder, as the kubelet does before the old one expires. */
  async renewToken (pod: string): Promise<void> {
    const name = `token-${randomBytes(5).toString('hex')}`
    const { metadata: { uid } } = await expectCall(this.server, 'POST', this.path('secrets'), { metadata: { name, labels: { pod } } })
    const { status: { token } } = await expectCall(this.server, 'POST', `${this.path('serviceaccounts', 'changewell')}/token`, {
      spec: { audiences: [], expirationSeconds: 3600, boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name, uid } },
    })
    this.#secrets.set(pod, name)
    writeFileSync(join(this.#dirs.get(pod)!, 'token'), `${token}\n`)
  }

  /** What the pod's token was, it is no more; the file still holds it. */
  async endToken (pod: string): Promise<void> {
    await expectCall(this.server, 'DELETE', this.path('secrets', this.#secrets.get(pod)!))
  }

  readonly #secrets = new Map<string, string>()

  meddler (): Promise<Meddler> {
    return Meddler.start(this.#t, this.server)
  }

  /** The provider as the pod of that name opens it. It is closed when the test ends. */
  async open (pod: string, options: OpenOptions = {}): Promise<Provider> {
    const { lease = 'changewell', logger = silent, meddler, listSeconds } = options
    const provider = await openKubernetes({
      logger,
      settings: {
        namespace: '',
        selector: options.selector ?? selector,
        portName: 'peers',
        lease,
        pod,
        serviceAccountDir: await this.serviceAccountDir(pod),
        server: `https://127.0.0.1:${meddler?.port ?? this.server.port}`,
        ...(listSeconds === undefined ? {} : { listSeconds }),
      },
    })
    this.#t.teardown(() => provider.close())
    return provider
  }
}

export const silent: DiscoveryLogger = { debug () {}, info () {}, warn () {}, error () {} }

/** A logger that keeps what it is told. */
export function listener (): DiscoveryLogger & { lines: { level: string, message: string }[] } {
  const lines: { level: string, message: string }[] = []
  const at = (level: string) => (_facts: object, message: string): void => { lines.push({ level, message }) }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
