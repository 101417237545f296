import { createReadStream } from 'node:fs'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { makeDirectory, syncDirectory } from '../../../storage/directory.ts'
import type { EntryId } from '../core/index.ts'

/** A whole image on the disk. */
export interface ImageFile extends EntryId {
  path: string
  bytes: number
}

const suffix = '.image'

/** The name says where the image stands, so that two nodes can speak of it. */
export function imageName ({ index, term }: EntryId): string {
  return `${index}-${term}`
}

/** The position that a name speaks of; null for anything else. */
export function positionOf (name: string): EntryId | null {
  const match = /^(\d{1,16})-(\d{1,16})$/.exec(name)
  return match === null ? null : { index: Number(match[1]), term: Number(match[2]) }
}

/** A folder of images: whole ones, and parts of those that are on their way. */
export class ImageFolder {
  readonly #path: string

  private constructor (path: string) {
    this.#path = path
  }

  static async open (path: string): Promise<ImageFolder> {
    await makeDirectory(path)
    return new ImageFolder(path)
  }

  path (at: EntryId): string {
    return join(this.#path, imageName(at) + suffix)
  }

  /** Of an image that is not whole yet. */
  partPath (at: EntryId): string {
    return join(this.#path, `${imageName(at)}.part`)
  }

  async find (at: EntryId): Promise<ImageFile | null> {
    const path = this.path(at)
    const found = await stat(path).catch(() => null)
    return found === null ? null : { ...at, path, bytes: found.size }
  }

  /** How much of an image is here. */
  async partBytes (at: EntryId): Promise<number> {
    const found = await stat(this.partPath(at)).catch(() => null)
    return found?.size ?? 0
  }

  /** Makes the part the whole, durably. */
  async complete (at: EntryId): Promise<ImageFile> {
    const part = this.partPath(at)
    const file = await open(part, 'r+')
    await file.sync()
    await file.close()
    await rename(part, this.path(at))
    await syncDirectory(this.#path)
    return (await this.find(at))!
  }

  read ({ path }: ImageFile, offset = 0): Readable {
    return createReadStream(path, { start: offset, highWaterMark: 256 * 1024 })
  }

  /** Removes all but these. */
  async keepOnly (kept: readonly EntryId[]): Promise<void> {
    const names = kept.map(imageName)
    for (const name of await readdir(this.#path)) {
      const [position = ''] = name.split('.')
      if (!names.includes(position) && positionOf(position) !== null) await rm(join(this.#path, name), { force: true })
    }
  }
}
