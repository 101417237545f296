import fs from 'node:fs/promises'
import { statSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { buildNode, folder } from '../support/node.ts'

t.test('A folder that is made is durable by name, with those made above it', async (t) => {
  const synced: string[] = []
  const open: typeof fs.open = async (path, ...rest) => {
    const handle = await fs.open(path, ...rest)
    const sync = handle.sync.bind(handle)
    handle.sync = async () => {
      await sync()
      synced.push(relative(root, String(path)))
    }
    return handle
  }
  const { makeDirectory } = await t.mockImport<typeof import('../../storage/directory.ts')>(
    '../../storage/directory.ts', { 'node:fs/promises': { ...fs, open } })
  const root = folder(t)
  await makeDirectory(join(root, 'data', 'db'))
  t.same(synced, ['', 'data'], 'each folder that got a name, from the top')
  await makeDirectory(join(root, 'data', 'log'))
  t.same(synced, ['', 'data', 'data'])
  await makeDirectory(join(root, 'data', 'log'))
  t.equal(synced.length, 3, 'nothing was made')
})

t.test('Nobody but the node\'s user can read what the node keeps', async (t) => {
  const dataDir = join(folder(t), 'made', 'data')
  await buildNode(t, { dataDir })
  for (const made of ['..', '.', 'db', 'log']) {
    t.equal(statSync(join(dataDir, made)).mode & 0o777, 0o700, made)
  }
})
