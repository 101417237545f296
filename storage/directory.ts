import { mkdir, open, rename, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes the directory if it is missing, for this user alone, and its name durable in those above it: else a loss of
 * power may take the directory with all that was synced in it.
 *
 * @param mode of what is made
 */
export async function makeDirectory (directory: string, mode = 0o700): Promise<void> {
  const path = resolve(directory)
  try {
    await mkdir(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && await isDirectory(path)) return
    if (code !== 'ENOENT' || path === dirname(path)) throw error
    // Where no directory can be made at all, in /proc, Node's own way of making those above as well never ends.
    await makeDirectory(dirname(path), mode)
    await mkdir(path, { mode })
  }
  await syncDirectory(dirname(path))
}

function isDirectory (path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), () => false)
}

/** Makes names made, changed or removed in the directory durable. Windows has no such call and does it by itself. */
export async function syncDirectory (directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes a file so that after a crash it holds all of the text, or what it held before. */
export async function writeDurably (path: string, text: string): Promise<void> {
  const draft = await open(`${path}.new`, 'w', 0o600)
  await draft.writeFile(text)
  await draft.sync()
  await draft.close()
  await rename(`${path}.new`, path)
  await syncDirectory(dirname(resolve(path)))
}
