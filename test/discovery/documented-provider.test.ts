import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Cluster } from '../cluster/cluster.ts'
import { program } from '../support/build.ts'
import { folder } from '../support/node.ts'
import { project } from '../support/project.ts'
import { documentedContract, documentedProvider } from './documented.ts'

/** The provider of the page, as a file in a folder that has nothing else. */
function provider (t: Test): string {
  const path = join(folder(t), 'shared-folder.mjs')
  writeFileSync(path, documentedProvider())
  return path
}

t.test('The provider of the documentation passes the tests that it shows, where the package is installed', async (t) => {
  const home = join(provider(t), '..')
  writeFileSync(join(home, 'shared-folder.test.mjs'), documentedContract())
  const installed = join(home, 'node_modules/changewell')
  mkdirSync(installed, { recursive: true })
  cpSync(join(project, 'package.json'), join(installed, 'package.json'))
  symlinkSync(join(program(), '../..'), join(installed, 'dist'))
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--test', '--test-reporter=tap'], { cwd: home, encoding: 'utf8' })
  t.equal(status, 0, stdout + stderr)
  t.match(stdout, /ok \d+ - discovery by a shared folder: of nodes that claim at one time at most one forms a cluster/)
})

t.test('Three nodes with the provider of the documentation, started at one time, are one cluster', async (t) => {
  const cluster = await Cluster.together(t, 3, {
    CHANGEWELL_DISCOVERY: provider(t),
    CHANGEWELL_DISCOVERY_OPTIONS: JSON.stringify({ folder: folder(t) }),
  })
  await cluster.settled()
  const views = await Promise.all(cluster.nodes.map((node) => node.view()))
  t.equal(new Set(views.map(({ clusterId }) => clusterId)).size, 1)
  t.equal(views[0]!.members.length, 3)
})
