import { randomBytes } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { DataFolderError } from './data-folder-error.ts'

/** What the node remembers beside its id. */
export interface Remembered {
  /** Nothing was ever appended or applied here. */
  isNew: boolean
  /** For whom the log says that this node voted last, 16 hex digits. */
  vote: string | null
}

/**
 * This node's own id, 16 hex digits: made at the first start and kept beside the database, not in it, so that the
 * databases of all nodes are the same.
 *
 * @throws DataFolderError when the file holds something else, or is missing although the node is not new: with another
 * id it would be a stranger to its own log, and in a cluster could vote twice.
 */
export async function nodeIdOf (dataDir: string, { isNew, vote }: Remembered): Promise<string> {
  const path = join(dataDir, 'node-id')
  const found = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    if (error.code === 'EISDIR') return ''
    throw error
  })
  if (found === null) {
    if (!isNew) throw lost(path, vote)
    return makeNodeId(dataDir, path)
  }
  const id = found.trim()
  if (!/^[0-9a-f]{16}$/.test(id)) {
    throw new DataFolderError('NODE_ID_DAMAGED', `${path} does not hold a node id (16 hex digits). Put back the file ` +
      'from a backup; with another id this node would be a stranger to its own log.')
  }
  return id
}

function lost (path: string, vote: string | null): DataFolderError {
  const known = vote === null
    ? ''
    : ` Without a backup, write ${vote} into it: that is for whom this node voted last, and a node that runs alone votes for itself.`
  return new DataFolderError('NODE_ID_LOST', `${path} is missing, but beside it is the data of a node. Put back the file ` +
    `from a backup.${known} For a member, \`changewell member list\` on another shows the id beside its address; or ` +
    'empty the folder, let the node join anew, and remove the old id.')
}

/** Another id, for a node that has lost what it held under the one it had: ids are not used again. */
export function renewNodeId (dataDir: string): Promise<string> {
  return makeNodeId(dataDir, join(dataDir, 'node-id'))
}

async function makeNodeId (dataDir: string, path: string): Promise<string> {
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
