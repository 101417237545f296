import { parseArgs } from 'node:util'
import { builtFolder } from './build.ts'
import { runWithChildren } from './children.ts'
import type { SuiteOptions } from './suites/suite.ts'

/** Each suite is loaded when it is called for. */
const suites: Record<string, () => Promise<(options: SuiteOptions) => Promise<void>>> = {
  'single-node': async () => (await import('./suites/single-node.ts')).singleNode,
  cluster: async () => (await import('./suites/cluster.ts')).cluster,
  elections: async () => (await import('./suites/elections.ts')).elections,
  profile: async () => (await import('./suites/profile.ts')).profile,
  'cluster-profile': async () => (await import('./suites/profile.ts')).clusterProfile,
  locks: async () => (await import('./suites/locks.ts')).locks,
  receipts: async () => (await import('./suites/receipts.ts')).receipts,
  'raft-core': async () => (await import('./suites/raft-core.ts')).raftCore,
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

await runWithChildren(async () => {
  // The cores and the database alone need no build.
  const dist = names.every((name) => name === 'raft-core' || name === 'receipts') ? '' : builtFolder(values.dist)
  for (const name of names) {
    const run = await suites[name]!()
    await run({ dist, quick: values.quick, say: (text) => { process.stdout.write(`${text}\n`) } })
  }
  return 0
})
