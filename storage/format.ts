import { metaKeys } from './keys.ts'
import type { Store } from './store.ts'

/** The layout of rows on disk. Another number means that this release cannot read it as it stands. */
export const formatVersion = 1

/** The data folder was written in a layout that this release does not read. */
export class FormatError extends Error {
  readonly code = 'FORMAT_VERSION'
}

/** Marks an empty store with the format version, and refuses a store of any other. */
export async function checkFormat (store: Store): Promise<void> {
  const found = await store.get('meta', metaKeys.format)
  if (found === null) {
    const batch = store.batch()
    batch.put('meta', metaKeys.format, Buffer.from(String(formatVersion)))
    await batch.write()
    await store.flush()
    return
  }
  const version = Number(found.toString())
  if (version > formatVersion) {
    throw new FormatError(`The data folder has format ${version}, this release reads format ${formatVersion}. Run the release that wrote it, or a newer one.`)
  }
  if (version !== formatVersion) {
    throw new FormatError(`The data folder has format ${found.toString()}, which this release cannot read (it reads format ${formatVersion}). Load a dump made by the release that wrote it.`)
  }
}
