import { join } from 'node:path'
import type { Test } from 'tap'
import { kustomized, manifests, manifestsDir, objectsIn, ofKind, rendered, type KubernetesObject } from '../../deploy/objects.ts'
import { call, expectCall, type ApiServer } from '../api-server.ts'

/** The paths of the kinds that are shipped. */
const plurals: Record<string, string> = {
  ServiceAccount: 'serviceaccounts',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  Service: 'services',
  StatefulSet: 'statefulsets',
  PodDisruptionBudget: 'poddisruptionbudgets',
  NetworkPolicy: 'networkpolicies',
}

/** Manifests and chart, applied to a real API server: it knows every field, and takes the objects as they are meant. */
export async function manifestsSuite (t: Test, server: ApiServer): Promise<void> {
  for (const [what, objects, namespace] of [
    ['the manifests', manifests(), 'manifests'], ['the manifests with components', kustomized('everything'), 'kustomized'], ['the chart', rendered('default'), 'space'], ['the chart with all that is optional', rendered('everything'), 'space'],
  ] as [string, KubernetesObject[], string][]) {
    await t.test(`${what}: every object passes a server-side dry run, and is then what was meant`, async (t) => {
      await call(server, 'POST', '/api/v1/namespaces', { metadata: { name: namespace } })
      const known = objects.filter(({ kind }) => kind in plurals).map(forThisServer)
      t.equal(known.length, 8)
      for (const object of known) {
        const { status, body } = await apply(server, namespace, object, '&dryRun=All')
        t.equal(status, 201, `${object.kind} ${object.metadata.name}: dry run ${status === 201 ? '' : JSON.stringify(body)}`)
      }
      for (const object of known) {
        t.equal((await call(server, 'GET', pathOf(namespace, object))).status, 404, 'a dry run leaves nothing')
        t.equal((await apply(server, namespace, object, '')).status, 201, `${object.kind} ${object.metadata.name}`)
        t.match(await expectCall(server, 'GET', pathOf(namespace, object)), meant(object), `${object.kind} is as it was written`)
      }
      const [set] = ofKind(known, 'StatefulSet') as [KubernetesObject]
      const stored = await expectCall(server, 'GET', pathOf(namespace, set))
      t.equal(stored.spec.podManagementPolicy, 'Parallel')
      await takesPod(t, server, namespace, known)
    })
  }

  await t.test('a field that there is not is refused, or the dry runs above would say nothing', async (t) => {
    const [service] = ofKind(manifests(), 'Service') as [KubernetesObject]
    const { status, body } = await apply(server, 'manifests', { ...service, spec: { ...service.spec, publishNotReadyAdresses: true } }, '&dryRun=All')
    t.ok(status >= 400, JSON.stringify(body))
  })

  await t.test('the service account may do what the Role says, in its own namespace only', async (t) => {
    for (const [namespace, verb, group, resource, isAllowed] of [
      ['manifests', 'patch', '', 'pods', true], ['manifests', 'create', 'coordination.k8s.io', 'leases', true],
      ['manifests', 'delete', '', 'pods', false], ['manifests', 'delete', 'coordination.k8s.io', 'leases', false],
      ['manifests', 'list', '', 'secrets', false], ['default', 'list', '', 'pods', false],
    ] as const) {
      const { status } = await expectCall(server, 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        spec: { user: 'system:serviceaccount:manifests:changewell', resourceAttributes: { namespace, verb, group, resource } },
      })
      t.equal(status.allowed, isAllowed, `${verb} ${resource} in ${namespace}`)
    }
  })

  await t.test('the ServiceMonitor is YAML of the operator\'s version', async (t) => {
    const [monitor] = objectsIn(join(manifestsDir, 'components/service-monitor/service-monitor.yaml')) as [KubernetesObject]
    t.match(monitor, { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor' })
  })
}

/** A pod as the StatefulSet's template makes it: the API server checks more in pods than in templates. */
async function takesPod (t: Test, server: ApiServer, namespace: string, objects: KubernetesObject[]): Promise<void> {
  const [set] = ofKind(objects, 'StatefulSet') as [KubernetesObject]
  const { metadata, spec } = set.spec.template
  const [claim] = set.spec.volumeClaimTemplates
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name: `${set.metadata.name}-0` },
    spec: { ...spec, volumes: [...spec.volumes ?? [], { name: claim.metadata.name, persistentVolumeClaim: { claimName: `data-${set.metadata.name}-0` } }] },
  }
  const { status, body } = await call(server, 'POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod)
  t.equal(status, 201, `a pod of the template: ${status === 201 ? '' : JSON.stringify(body)}`)
}

/** The server is older than policy/v1, which differs in nothing that is used here. */
function forThisServer (object: KubernetesObject): KubernetesObject {
  return object.kind === 'PodDisruptionBudget' ? { ...object, apiVersion: 'policy/v1beta1' } : object
}

/** Server-side apply refuses fields that the schema does not have. */
function apply (server: ApiServer, namespace: string, object: KubernetesObject, query: string) {
  return call(server, 'PATCH', `${pathOf(namespace, object)}?fieldManager=test&force=true${query}`, object, 'application/apply-patch+yaml')
}

function pathOf (namespace: string, { apiVersion, kind, metadata }: KubernetesObject): string {
  return `/${apiVersion === 'v1' ? 'api' : 'apis'}/${apiVersion}/namespaces/${namespace}/${plurals[kind]}/${metadata.name}`
}

/** Without what the server writes in another form: quantities and numbers as texts. */
function meant ({ kind, metadata, spec, rules, roleRef }: KubernetesObject): object {
  if (kind === 'StatefulSet') return { kind, metadata, spec: { replicas: spec.replicas, serviceName: spec.serviceName, selector: spec.selector } }
  const parts = Object.entries({ kind, metadata, spec, rules, roleRef })
  return Object.fromEntries(parts.filter(([, value]) => value !== undefined))
}
