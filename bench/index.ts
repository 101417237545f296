import { parseArgs } from 'node:util'
import { spawnSync } from 'node:child_process'
import { endChildren } from './children.ts'
import type { SuiteOptions } from './suites/suite.ts'

/** Each suite is loaded when it is called for. */
const suites: Record<string, () => Promise<(options: SuiteOptions) => Promise<void>>> = {
  'single-node': async () => (await import('./suites/single-node.ts')).singleNode,
  profile: async () => (await import('./suites/profile.ts')).profile,
}

const help = `Usage: npm run bench -- [suite ...] [--quick] [--dist FOLDER]

Suites: ${Object.keys(suites).join(', ')}; single-node when none is named.
  --quick         fewer and shorter rounds; nothing is written to bench/results
  --dist FOLDER   measure this build instead of building now
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, dist: { type: 'string' }, help: { type: 'boolean', default: false } },
})
const names = positionals.length === 0 ? ['single-node'] : positionals
if (values.help || names.some((name) => !Object.hasOwn(suites, name))) {
  process.stderr.write(help)
  process.exit(values.help ? 0 : 2)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { void endChildren().then(() => process.exit(130)) })

const say = (text: string): void => { process.stdout.write(`${text}\n`) }
if (values.dist === undefined && spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' }).status !== 0) process.exit(1)
try {
  for (const name of names) {
    const run = await suites[name]!()
    await run({ dist: values.dist ?? 'dist', quick: values.quick, say })
  }
} finally {
  await endChildren()
}
