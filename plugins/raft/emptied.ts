import { access } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DataFolderError } from './data-folder-error.ts'

/**
 * Refuses a folder that has the id of a node and nothing else: its disk is not mounted, or the data was removed. The id
 * is made last at the first start, when the folders of the database and the log are there, so that no crash leaves it
 * alone. To be called before these are made, or the next start would find them.
 *
 * @throws DataFolderError
 */
export async function assertNotEmptied (dataDir: string): Promise<void> {
  const [hasId, hasDatabase, hasLog] = await Promise.all(['node-id', 'db', 'log'].map((name) => exists(join(dataDir, name))))
  if (!hasId || hasDatabase || hasLog) return
  throw new DataFolderError('DATA_LOST', `${resolve(dataDir)} holds the id of a node, but neither its database nor its log: ` +
    'they were removed, or their disk is not mounted. Put them back, from a backup if need be. To begin with nothing, under ' +
    'another id, remove node-id as well.')
}

function exists (path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}
