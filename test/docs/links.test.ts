import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { clientSettings, settings } from '../../app/config.ts'
import { errors } from '../../app/errors.ts'
import { variableName } from '../../app/read-settings.ts'
import { buildNode } from '../support/node.ts'
import { project } from '../support/project.ts'
import { anchorsOf, linksOf, readPages, type Page } from './pages.ts'

const pages = await readPages()
const texts = new Map(pages.map(({ path, text }) => [path, text]))

test('every link to a file or heading of the project leads there', async (t) => {
  const broken: string[] = []
  for (const page of pages) {
    for (const { target, anchor } of linksOf(page)) {
      const exists = await stat(join(project, target)).then(() => true, () => false)
      const found = exists && (anchor === undefined || anchorsOf(texts.get(target) ?? '').includes(anchor))
      if (!found) broken.push(`${page.path}: ${target}${anchor === undefined ? '' : `#${anchor}`}`)
    }
  }
  t.same(broken, [])
})

test('the index of the documentation has every page', async (t) => {
  const linked = new Set(linksOf({ path: 'docs/README.md', text: texts.get('docs/README.md')! }).map(({ target }) => target))
  const missing = pages.map(({ path }) => path).filter((path) => (
    path.startsWith('docs/') && path !== 'docs/README.md' && !path.startsWith('docs/decisions/') && !linked.has(path)))
  t.same(missing, [])
})

test('every setting that a page names exists', async (t) => {
  const known = new Set(Object.keys({ ...settings, ...clientSettings }).map(variableName))
  // A variable that Kubernetes sets by itself; pages warn of it.
  known.add('CHANGEWELL_SERVICE_HOST')
  t.same(unknownIn(pages, /CHANGEWELL_[A-Z][A-Z0-9_]*[A-Z0-9]/g, known), [])
})

test('every error code that a page names exists', async (t) => {
  // What the start of a node refuses has codes of its own, and so have the log and the system.
  const known = new Set([
    ...Object.keys(errors), 'DATA_DIR_LOCKED', 'DATA_DIR_UNUSABLE', 'NATIVE_MODULE', 'FORMAT_VERSION', 'UNKNOWN_COMMAND',
    'NODE_ID_DAMAGED', 'LOG_LOST', 'DATABASE_LOST', 'LOG_DAMAGED', 'LOG_FORMAT_NEWER', 'LOG_FAILED', 'LOG_FULL',
    'LOG_NO_SEGMENT', 'QUEUE_DAMAGED', 'LOG_COMPACTED', 'LOG_GAP', 'LOG_CLOSED', 'DISCOVERY_UNAVAILABLE',
    'DISCOVERY_REFUSED', 'DISCOVERY_SETTINGS',
    'F_FULLFSYNC', 'O_DSYNC', 'SIGTERM', 'SIGHUP',
    // OpenSSL's, and Node's.
    'CERT_HAS_EXPIRED', 'INVALID_PURPOSE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'NODE_EXTRA_CA_CERTS',
  ])
  // Words joined by underscores; or one long word between backquotes, as `DRAINING` is.
  // A scanner's report is in its words.
  const own = pages.filter(({ path }) => path !== 'docs/operating/tls-scan.md')
  t.same(unknownIn(own, /(?<![A-Z_])(?!CHANGEWELL_)[A-Z]+(?:_[A-Z]+)+(?![A-Z_])|(?<=`)[A-Z]{7,}(?=`)/g, known), [])
})

test('the page on metrics has every metric of a node, and no other', async (t) => {
  const app = await buildNode(t)
  const { body } = await app.inject('/metrics')
  const served = [...body.matchAll(/^# TYPE (changewell_\w+) (\w+)$/gm)].map(([, name, kind]) => `${name} ${kind}`)
  const page = texts.get('docs/operating/health-and-metrics.md')!
  const described = [...page.matchAll(/^\| `(changewell_\w+)` \| (\w+) \|/gm)].map(([, name, kind]) => `${name} ${kind}`)
  t.same(described.sort(), served.sort())
})

function unknownIn (pages: Page[], pattern: RegExp, known: Set<string>): string[] {
  return pages.flatMap(({ path, text }) => [...text.matchAll(pattern)]
    .filter(([name]) => !known.has(name)).map(([name]) => `${path}: ${name}`))
}
