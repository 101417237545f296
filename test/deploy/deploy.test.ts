import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'tap'
import { parse } from 'yaml'
import { loadCallSettings, loadConfig } from '../../app/config.ts'
import { bearer, tokenOf } from '../auth/files.ts'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { buildNode, folder, startProcess, until } from '../support/node.ts'
import { project } from '../support/project.ts'
import { environmentOf as settingsOf } from '../tls/environment.ts'
import { dockerfile, environmentOf as environmentIn, said } from './dockerfile.ts'
import {
  chartFingerprint, kustomizeDir, kustomized, manifests, manifestsDir, manifestsFingerprint, objectsIn, ofKind,
  rendered, renderedDir, renderedNotes, type KubernetesObject,
} from './objects.ts'

const name = 'app.kubernetes.io/name'
const instance = 'app.kubernetes.io/instance'

for (const [what, read] of [
  ['the manifests', manifests], ['the manifests with components', () => kustomized('everything')],
  ['the chart', () => rendered('default')], ['the chart with all that is optional', () => rendered('everything')],
  ['the chart with awkward values', () => rendered('awkward')],
] as [string, () => KubernetesObject[]][]) {
  test(`${what}: a StatefulSet whose pods start at once, keep their data, and are no more than they must be`, async (t) => {
    const objects = read()
    const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
    t.equal(set.spec.podManagementPolicy, 'Parallel')
    const { spec } = set.spec.template
    t.equal(spec.enableServiceLinks, false)
    t.match(spec.securityContext, { runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001, seccompProfile: { type: 'RuntimeDefault' } })
    const [container] = spec.containers
    t.match(container.securityContext, { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } })
    const [claim] = set.spec.volumeClaimTemplates
    const mount = container.volumeMounts.find(({ mountPath }: { mountPath: string }) => mountPath === '/data')
    t.equal(mount.name, claim.metadata.name)
    t.equal(environmentOf(container).CHANGEWELL_DATA_DIR, mount.mountPath)
    t.ok(spec.terminationGracePeriodSeconds > loadConfig({}).shutdownSeconds, 'it gets longer to end than it takes')
    const ports = container.ports.map((port: { name: string }) => port.name)
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) t.ok(ports.includes(container[probe].httpGet.port), probe)
    // Over HTTPS the program's own command lacks the authority; SIGTERM hands leadership on all the same.
    const isHttps = environmentOf(container).CHANGEWELL_TLS_CERT !== undefined
    const preStop = isHttps ? /^sleep 5$/ : /main\.js member lead --if-leader .*; sleep 5$/
    t.match(container.lifecycle.preStop.exec.command[2], preStop)
    const { podAntiAffinity } = spec.affinity
    t.match(Object.keys(podAntiAffinity)[0], /^(required|preferred)DuringSchedulingIgnoredDuringExecution$/)
  })

  test(`${what}: its settings are settings, and fit its other objects`, async (t) => {
    const objects = read()
    const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
    const [container] = set.spec.template.spec.containers
    const config = loadConfig(environmentOf(container))
    t.equal(config.discovery, 'kubernetes')
    t.equal(config.kubernetesPod, 'pod-0')
    t.equal(port(container, 'api'), config.port)
    t.equal(port(container, config.kubernetesPortName), config.peerPort)
    const labels = set.spec.template.metadata.labels
    t.equal(config.kubernetesSelector, `${name}=${labels[name]},${instance}=${labels[instance]}`, 'the selector names these pods')
    const services = ofKind(objects, 'Service')
    const peers = services.find(({ metadata }) => metadata.name === set.spec.serviceName)!
    t.match(peers.spec, { clusterIP: 'None', publishNotReadyAddresses: true })
    t.equal(config.advertise, `,pod-0.${peers.metadata.name}.space.svc:${config.port}`, 'clients are told the name that the headless Service gives')
    t.equal(services.length, 2)
    for (const object of [...services, ...ofKind(objects, 'PodDisruptionBudget'), ...ofKind(objects, 'NetworkPolicy')]) {
      const selector = object.spec.podSelector?.matchLabels ?? object.spec.selector?.matchLabels ?? object.spec.selector
      t.same(selector, { [name]: labels[name], [instance]: labels[instance] }, `${object.kind} selects the pods`)
    }
    t.equal(ofKind(objects, 'PodDisruptionBudget')[0]!.spec.maxUnavailable, 1)
  })

  test(`${what}: the service account may do what discovery does, and no more`, async (t) => {
    const objects = read()
    const [role] = ofKind(objects, 'Role') as [KubernetesObject]
    t.same(role.rules, [
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'patch'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
    ])
    const [account] = ofKind(objects, 'ServiceAccount') as [KubernetesObject]
    const [binding] = ofKind(objects, 'RoleBinding') as [KubernetesObject]
    const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
    t.equal(binding.roleRef.name, role.metadata.name)
    t.equal(binding.subjects[0].name, account.metadata.name)
    t.equal(set.spec.template.spec.serviceAccountName, account.metadata.name)
    t.same(objects.filter(({ kind }) => kind.startsWith('Cluster')), [], 'nothing beyond the namespace')
  })
}

test('certificates come from Secrets, at the paths that the settings name', async (t) => {
  for (const objects of [manifests(), rendered('default'), rendered('everything')]) {
    const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
    const { containers: [container], volumes } = set.spec.template.spec
    const files = Object.entries(environmentOf(container)).filter(([variable]) => /_TLS_(CERT|KEY|CA)$/.test(variable))
    t.ok(files.length >= 3)
    for (const [variable, path] of files) {
      const mount = container.volumeMounts.find(({ mountPath }: { mountPath: string }) => path.startsWith(`${mountPath}/`))
      t.ok(mount.readOnly, variable)
      const volume = volumes.find((one: { name: string }) => one.name === mount.name)
      t.match(volume.secret.secretName, /-tls$/)
      t.match(path, /\/(tls\.crt|tls\.key|ca\.crt)$/)
    }
  }
})

test('the certificates that cert-manager makes are in the Secret that the pods mount', async (t) => {
  for (const [set, certificates] of [
    [ofKind(manifests(), 'StatefulSet')[0]!, objectsIn(join(manifestsDir, 'components/cert-manager/certificates.yaml'))],
    [ofKind(rendered('everything'), 'StatefulSet')[0]!, rendered('everything')],
  ] as [KubernetesObject, KubernetesObject[]][]) {
    const issuers = ofKind(certificates, 'Issuer')
    const made = ofKind(certificates, 'Certificate')
    const mounted = set.spec.template.spec.volumes.find(({ name }: { name: string }) => name === 'peer-tls').secret.secretName
    const [leaf] = made.filter(({ spec }) => spec.secretName === mounted) as [KubernetesObject]
    t.match(leaf.spec.usages, ['digital signature', 'server auth', 'client auth'])
    const issuer = issuers.find(({ metadata }) => metadata.name === leaf.spec.issuerRef.name)!
    const authority = made.find(({ spec }) => spec.secretName === issuer.spec.ca.secretName)!
    t.ok(authority.spec.isCA)
    const root = issuers.find(({ metadata }) => metadata.name === authority.spec.issuerRef.name)!
    t.same(root.spec, { selfSigned: {} })
  }
})

test('cert-manager makes no certificates for nodes that speak to each other without TLS', async (t) => {
  const objects = rendered('awkward')
  const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
  t.match(loadConfig(environmentOf(set.spec.template.spec.containers[0])), { insecurePeers: true, peerTlsCert: '' })
  t.same([...ofKind(objects, 'Certificate'), ...ofKind(objects, 'Issuer')], [])
})

test('files of credentials, rights and client authorities come from Secrets, as whole folders', async (t) => {
  for (const objects of [kustomized('everything'), rendered('everything')]) {
    const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
    const { containers: [container], volumes } = set.spec.template.spec
    const { authTokens, authPolicy, clientCa, clientAuth } = loadConfig(environmentOf(container))
    t.match(clientAuth, /^(required|optional)$/)
    for (const path of [authTokens, authPolicy, clientCa]) {
      const mount = container.volumeMounts.find(({ mountPath }: { mountPath: string }) => dirname(path) === mountPath)
      t.ok(mount.readOnly, path)
      t.equal(mount.subPath, undefined, 'changes of the Secret would not come')
      t.ok(volumes.find(({ name }: { name: string }) => name === mount.name).secret.secretName)
    }
  }
  const [set] = ofKind(rendered('everything'), 'StatefulSet') as [KubernetesObject]
  const { containers: [container], volumes } = set.spec.template.spec
  t.equal(loadConfig(environmentOf(container)).authHtpasswd, '/auth/users', 'by the key that the Secret has it under')
  const extra = container.volumeMounts.find(({ name }: { name: string }) => name === 'hooks-ca')
  t.equal(extra.mountPath, dirname(environmentOf(container).NODE_EXTRA_CA_CERTS!))
  t.ok(volumes.some(({ name }: { name: string }) => name === 'hooks-ca'))
})

test('credentials and rights are read again when Kubernetes brings a change of their Secret', async (t) => {
  // As the kubelet has it: files are links into ..data, which is a link to a folder of its own for each change.
  const directory = folder(t)
  const bring = (change: string, files: Record<string, string>): void => {
    mkdirSync(join(directory, change))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, change, name), text)
    symlinkSync(change, join(directory, '..data_tmp'))
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'))
  }
  const [set] = ofKind(kustomized('everything'), 'StatefulSet') as [KubernetesObject]
  const { authTokens, authPolicy } = loadConfig(environmentOf(set.spec.template.spec.containers[0]))
  const files = (names: string[]): Record<string, string> => ({
    [basename(authTokens)]: names.map((name) => `${tokenOf(name)} ${name}\n`).join(''),
    [basename(authPolicy)]: JSON.stringify({ identities: Object.fromEntries(names.map((name) => [name, { read: ['*'] }])) }),
  })
  bring('..1', files(['ann']))
  const paths = [authTokens, authPolicy].map((path) => join(directory, basename(path))) as [string, string]
  for (const path of paths) symlinkSync(join('..data', basename(path)), path)
  const app = await buildNode(t, { authTokens: paths[0], authPolicy: paths[1], authFailuresMax: 1_000_000 })
  const status = async (name: string): Promise<number> => (await app.inject({ url: '/changes', headers: bearer(name) })).statusCode
  t.same([await status('ann'), await status('bob')], [200, 401])
  bring('..2', files(['bob']))
  await until(async () => await status('bob') === 200, 'the new token and its rights', 120)
  t.equal(await status('ann'), 401)
})

test('the ServiceMonitor looks at the peers\' Service, which has nodes that are not ready too', async (t) => {
  for (const [objects, monitors] of [
    [manifests(), objectsIn(join(manifestsDir, 'components/service-monitor/service-monitor.yaml'))],
    [rendered('everything'), ofKind(rendered('everything'), 'ServiceMonitor')],
  ] as [KubernetesObject[], KubernetesObject[]][]) {
    const [monitor] = monitors as [KubernetesObject]
    const selected = ofKind(objects, 'Service').filter(({ metadata }) => (
      Object.entries(monitor.spec.selector.matchLabels).every(([label, value]) => metadata.labels?.[label] === value)))
    t.equal(selected.length, 1)
    t.equal(selected[0]!.spec.clusterIP, 'None')
    t.ok(selected[0]!.spec.ports.some((port: { name: string }) => port.name === monitor.spec.endpoints[0].port))
  }
})

test('a node that speaks HTTPS is scraped by a name that its certificate is for, and with the authority of its Secret', async (t) => {
  for (const [objects, namespace] of [[kustomized('everything'), 'kustomized'], [rendered('everything'), 'space']] as const) {
    const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
    const { containers: [container], volumes } = set.spec.template.spec
    const { secret } = volumes.find(({ name }: { name: string }) => name === 'api-tls')
    const [endpoint] = ofKind(objects, 'ServiceMonitor')[0]!.spec.endpoints
    t.match(endpoint, { scheme: 'https', tlsConfig: { ca: { secret: { name: secret.secretName, key: 'ca.crt' } } } })
    const { serverName } = endpoint.tlsConfig
    if (serverName !== undefined) {
      t.equal(serverName, `${set.metadata.name}.${namespace}.svc`)
      continue
    }
    const [{ sourceLabels, regex, targetLabel, replacement }] = endpoint.relabelings
    const labels: Record<string, string> = {
      __meta_kubernetes_pod_name: 'pod-0', __meta_kubernetes_service_name: set.spec.serviceName, __meta_kubernetes_namespace: 'space',
    }
    const joined = sourceLabels.map((label: string) => labels[label]).join(';')
    t.equal(targetLabel, '__address__')
    t.equal(`,${joined.replace(new RegExp(`^${regex}$`), replacement)}`, environmentOf(container).CHANGEWELL_ADVERTISE, 'the one that clients are told')
  }
})

test('Prometheus is given credentials and a certificate for nodes that ask for them', async (t) => {
  for (const objects of [kustomized('everything'), rendered('everything')]) {
    const [endpoint] = ofKind(objects, 'ServiceMonitor')[0]!.spec.endpoints
    t.same(endpoint.authorization, { credentials: { name: 'prometheus', key: 'token' } })
    const { cert, keySecret } = endpoint.tlsConfig
    t.same([cert, keySecret], [{ secret: { name: 'prometheus', key: 'tls.crt' } }, { name: 'prometheus', key: 'tls.key' }])
  }
})

test('the commands that notes and page give are for the address at which a node is, and trust its certificate', async (t) => {
  const page = readFileSync(join(project, 'docs/operating/kubernetes.md'), 'utf8')
  const [plain = '', secure = ''] = page.split('\n').filter((line) => line.includes('-- node'))
  for (const [text, objects, namespace] of [
    [renderedNotes('default'), rendered('default'), 'space'], [renderedNotes('everything'), rendered('everything'), 'space'],
    [plain, manifests(), 'space'], [secure, kustomized('everything'), 'config'],
  ] as [string, KubernetesObject[], string][]) {
    const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
    const [, pod, url = ''] = / exec (\S+) -- node \/changewell\/dist\/app\/main\.js member list --url (\S+)$/m.exec(text) ?? []
    t.equal(pod, `${set.metadata.name}-0`)
    const environment = environmentOf(set.spec.template.spec.containers[0])
    const { port, tlsCert } = loadConfig(environment)
    const name = `${pod}.${set.spec.serviceName}.${namespace}.svc`
    t.equal(url, tlsCert === '' ? `http://127.0.0.1:${port}` : `https://${name}:${port}`)
    if (tlsCert !== '') t.equal(loadCallSettings(environment).ca, join(dirname(tlsCert), 'ca.crt'))
  }
  t.match(renderedNotes('default'), / at http:\/\/changewell\.space\.svc:9000\n/)
  t.match(renderedNotes('everything'), / at https:\/\/green-changewell\.space\.svc:8000\n/)
})

test('what kustomize renders to is that of the manifests as they are, with the image and the namespace that are said', async (t) => {
  const text = readFileSync(join(kustomizeDir, 'fingerprint'), 'utf8').trim()
  t.equal(text, manifestsFingerprint(), 'else render it again: test/kubernetes/render-manifests.sh')
  const objects = kustomized('everything')
  const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
  t.equal(set.spec.template.spec.containers[0].image, 'registry.example.org/changewell:0.1.0')
  for (const { kind, metadata } of objects) t.equal(metadata.namespace, 'kustomized', `${kind} ${metadata.name}`)
  t.equal(ofKind(objects, 'RoleBinding')[0]!.subjects[0].namespace, 'kustomized')
  for (const kind of ['Certificate', 'Issuer', 'ServiceMonitor']) t.ok(ofKind(objects, kind).length > 0, kind)
  const [trial] = ofKind(kustomized('insecure-peers'), 'StatefulSet') as [KubernetesObject]
  const { containers: [container], volumes } = trial.spec.template.spec
  t.match(loadConfig(environmentOf(container)), { insecurePeers: true, peerTlsCert: '', peerTlsKey: '', peerTlsCa: '' })
  t.same([volumes ?? [], container.volumeMounts.map(({ name }: { name: string }) => name)], [[], ['data']], 'no Secret is needed')
})

test('the chart renders texts as texts, whatever YAML would take them for', async (t) => {
  const objects = rendered('awkward')
  const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
  const { metadata, spec } = set.spec.template
  t.equal(spec.containers[0].image, 'changewell:20240101')
  t.strictSame(spec.priorityClassName, 'yes')
  t.strictSame(set.spec.volumeClaimTemplates[0].spec.storageClassName, 'on')
  t.strictSame(spec.nodeSelector, { 'example.org/fast': 'true' })
  t.strictSame(metadata.annotations, { 'example.org/build': '20240101' })
  t.match(metadata.labels, { [instance]: '123', 'example.org/canary': 'true' })
  const others = (map: Record<string, unknown> = {}): unknown[] => Object.values(map).filter((value) => typeof value !== 'string')
  for (const { kind, metadata, spec } of [...objects, set.spec.template, ...set.spec.volumeClaimTemplates]) {
    const selector = spec?.podSelector?.matchLabels ?? spec?.selector?.matchLabels ?? spec?.selector
    for (const map of [metadata.labels, metadata.annotations, selector]) t.same(others(map), [], kind)
  }
})

test('the chart\'s labels win over labels that are given, for they say which pods are the cluster\'s', async (t) => {
  const objects = rendered('awkward')
  const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
  const own = { [name]: 'changewell', [instance]: '123' }
  t.same(set.spec.template.metadata.labels, { ...own, 'example.org/canary': 'true' })
  t.match(ofKind(objects, 'ServiceMonitor')[0]!.metadata.labels, { ...own, prometheus: '1' })
})

test('what the chart renders to is that of the chart as it is', async (t) => {
  const text = readFileSync(join(renderedDir, 'fingerprint'), 'utf8').trim()
  t.equal(text, chartFingerprint(), 'else render it again: test/kubernetes/render-chart.sh')
})

test('Docker: the nodes of the compose file have settings that are settings, and a volume each', async (t) => {
  const { services, volumes } = parse(readFileSync(join(project, 'deploy/docker/compose.yaml'), 'utf8'), { merge: true }) as {
    services: Record<string, ComposeService>
    volumes: Record<string, unknown>
  }
  const image = environmentIn(dockerfile().at(-1)!)
  t.equal(Object.keys(services).length, 3)
  let formers = 0
  for (const [key, { environment, volumes: [volume], read_only: readOnly, hostname }] of Object.entries(services)) {
    const config = loadConfig({ ...image, ...environment })
    t.equal(config.advertise, `${hostname}:${config.peerPort},${hostname}:${config.port}`)
    t.equal(hostname, key)
    t.ok(readOnly)
    if (config.join === '') formers++
    const [source, target] = volume!.split(':')
    t.ok(source! in volumes)
    t.equal(target, config.dataDir)
  }
  t.equal(formers, 1, 'one forms the cluster')
})

test('Docker: the image runs as nobody, checks its health, and has all that the program is made of', async (t) => {
  const text = readFileSync(join(project, 'deploy/docker/Dockerfile'), 'utf8')
  t.match(text, /^USER 10001:10001$/m)
  t.match(text, /^HEALTHCHECK /m)
  t.match(text, /libatomic1/)
  t.equal(text.match(/^FROM /gm)?.length, 2, 'two stages')
  loadConfig(environmentIn(dockerfile().at(-1)!))
  const { include } = JSON.parse(readFileSync(join(project, 'tsconfig.build.json'), 'utf8')) as { include: string[] }
  const ignored = readFileSync(join(project, 'deploy/docker/Dockerfile.dockerignore'), 'utf8')
  for (const folder of include) t.match(ignored, new RegExp(`^!${folder}$`, 'm'))
})

test('Docker: the health check asks the node where its settings have it listen', async (t) => {
  const [program, ...args] = JSON.parse(/CMD (\[.*\])$/.exec(said(dockerfile().at(-1)!, 'HEALTHCHECK'))![1]!) as [string, ...string[]]
  t.equal(program, 'node')
  const pem = new PemFolder(t)
  const secure = settingsOf(pem.server(leaf(authority(), { names: ['changewell-1'] })))
  const strict = settingsOf(pem.clients([authority()], 'required'))
  for (const [what, more] of [
    ['at another port', {}], ['over HTTPS, for other names', secure],
    ['at the port for health, where clients need certificates', { ...secure, ...strict, CHANGEWELL_HEALTH_PORT: String(await freePort()) }],
  ] as [string, Record<string, string>][]) {
    const settings = { CHANGEWELL_PORT: String(await freePort()), ...more }
    const env = { PATH: process.env.PATH, ...settings }
    const status = (): number | null => spawnSync(process.execPath, args, { env }).status
    const node = await startProcess(t, settings)
    await until(() => status() === 0, `the health check to pass ${what}`)
    await node.kill('SIGTERM')
    t.equal(status(), 1, `${what}, where nobody answers`)
  }
})

interface ComposeService {
  environment: Record<string, string>
  volumes: string[]
  read_only: boolean
  hostname: string
}

/** A container's, with what the downward API and the kubelet's expansion would make of it in the pod pod-0. */
function environmentOf (container: { env: { name: string, value?: string }[] }): Record<string, string> {
  const known: Record<string, string> = { POD_NAME: 'pod-0', POD_NAMESPACE: 'space' }
  return Object.fromEntries(container.env.filter(({ value }) => value !== undefined)
    .map(({ name, value }) => [name, value!.replace(/\$\((\w+)\)/g, (_, variable: string) => known[variable]!)]))
}

function port (container: { ports: { name: string, containerPort: number }[] }, name: string): number | undefined {
  return container.ports.find((one) => one.name === name)?.containerPort
}
