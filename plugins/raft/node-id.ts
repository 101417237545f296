import { randomBytes } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { DataFolderError } from './data-folder-error.ts'

/**
 * This node's own id, 16 hex digits: made at the first start and kept beside the database, not in it, so that the
 * databases of all nodes are the same.
 *
 * @throws DataFolderError when the file holds something else.
 */
export async function nodeIdOf (dataDir: string): Promise<string> {
  const path = join(dataDir, 'node-id')
  const found = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (found !== null) {
    const id = found.trim()
    if (!/^[0-9a-f]{16}$/.test(id)) {
      throw new DataFolderError('NODE_ID_DAMAGED', `${path} does not hold a node id (16 hex digits). Put back the file ` +
        'from a backup; with another id this node would be a stranger to its own log.')
    }
    return id
  }
  const id = randomBytes(8).toString('hex')
  // Written beside and moved into place, so that a crash leaves either no id or the whole of one.
  const draft = await open(`${path}.new`, 'w', 0o644)
  await draft.writeFile(id + '\n')
  await draft.sync()
  await draft.close()
  await rename(`${path}.new`, path)
  const folder = await open(dataDir, 'r')
  await folder.sync().catch(() => {})
  await folder.close()
  return id
}
