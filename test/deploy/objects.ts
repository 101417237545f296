import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { project } from '../support/project.ts'

/** An object of Kubernetes, as far as tests look at it. */
export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: { name: string, namespace?: string, labels?: Record<string, string> }
  [field: string]: any
}

export const manifestsDir = join(project, 'deploy/kubernetes')
export const chartDir = join(project, 'deploy/helm/changewell')
export const renderedDir = join(project, 'test/kubernetes/chart')
export const kustomizeDir = join(project, 'test/kubernetes/kustomize')

/** All objects of a file of YAML. Kubernetes reads YAML 1.1, where `yes` is no text. */
export function objectsIn (path: string): KubernetesObject[] {
  const documents = parseAllDocuments(readFileSync(path, 'utf8'), { version: '1.1' })
  const errors = documents.flatMap((document) => document.errors)
  if (errors.length > 0) throw new Error(`${path}: ${errors.join('; ')}`)
  return documents.map((document) => document.toJS() as KubernetesObject | null).filter((object) => object !== null)
}

/** What `kubectl apply -k` applies: the files that the kustomization names. */
export function manifests (): KubernetesObject[] {
  const { resources } = parse(readFileSync(join(manifestsDir, 'kustomization.yaml'), 'utf8')) as { resources: string[] }
  return resources.flatMap((file) => objectsIn(join(manifestsDir, file)))
}

/** The manifests as kustomize rendered them: with the components that go together, and with the other one. */
export function kustomized (which: 'everything' | 'insecure-peers'): KubernetesObject[] {
  return objectsIn(join(kustomizeDir, `${which}.yaml`))
}

/** The chart as helm rendered it: with its own values, with all that is optional, and with awkward ones. */
export function rendered (which: 'default' | 'everything' | 'awkward'): KubernetesObject[] {
  return objectsIn(join(renderedDir, `${which}.yaml`))
}

/** What helm says after it has installed the chart. */
export function renderedNotes (which: 'default' | 'everything'): string {
  return (parse(readFileSync(join(renderedDir, `${which}.notes`), 'utf8')) as { notes: string }).notes
}

/** Of all files of the chart and of the values that it was rendered with. */
export function chartFingerprint (): string {
  return fingerprintOf([...filesIn(chartDir), ...['everything.values', 'awkward.values'].map((name) => join(renderedDir, name))])
}

/** Of all manifests and of the kustomizations that they were rendered with. */
export function manifestsFingerprint (): string {
  return fingerprintOf([manifestsDir, join(kustomizeDir, 'everything'), join(kustomizeDir, 'insecure-peers')].flatMap(filesIn))
}

function fingerprintOf (paths: readonly string[]): string {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(readFileSync(path))
  return hash.digest('hex')
}

export function filesIn (directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name)).sort()
}

export function ofKind (objects: KubernetesObject[], kind: string): KubernetesObject[] {
  return objects.filter((object) => object.kind === kind)
}
