import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { Cluster } from '../cluster/cluster.ts'
import { discoveryContract } from '../../discovery/contract.ts'
import type { OpenProvider } from '../../discovery/provider.ts'
import { program } from '../support/build.ts'
import { folder } from '../support/node.ts'
import { project } from '../support/project.ts'
import { documentedProvider } from './documented.ts'
import { quiet } from './names.ts'

/** The provider of the page, as a file that gets from `exported` what the package exports as `changewell/discovery`. */
function documented (t: Test, exported: string): string {
  const path = join(folder(t), 'shared-folder.mjs')
  writeFileSync(path, documentedProvider().replace('changewell/discovery', pathToFileURL(exported).href))
  return path
}

const { default: open } = await import(documented(t, join(project, 'discovery/provider.ts'))) as { default: OpenProvider }

discoveryContract({ test: (name, body) => t.test(name, body) }, {
  name: 'a shared folder',
  knowsIds: true,
  watches: false,
  async place () {
    const place = join(folder(t), 'nodes')
    mkdirSync(place)
    return {
      open: () => open({ settings: { folder: place }, logger: quiet }),
      async breakDown () { renameSync(place, `${place}-away`) },
      async mend () { renameSync(`${place}-away`, place) },
      async close () {},
    }
  },
})

t.test('Three nodes with the provider of the documentation, started at one time, are one cluster', async (t) => {
  const cluster = await Cluster.together(t, 3, {
    CHANGEWELL_DISCOVERY: documented(t, join(program(), '../../discovery/provider.js')),
    CHANGEWELL_DISCOVERY_OPTIONS: JSON.stringify({ folder: folder(t) }),
  })
  await cluster.settled()
  const views = await Promise.all(cluster.nodes.map((node) => node.view()))
  t.equal(new Set(views.map(({ clusterId }) => clusterId)).size, 1)
  t.equal(views[0]!.members.length, 3)
})
