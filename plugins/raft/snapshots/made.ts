import { open } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Database } from '../../../storage/database.ts'
import { imageOf } from '../../../storage/image.ts'
import { configurationOf } from '../configuration-row.ts'
import type { Snapshot } from '../core/index.ts'
import type { ImageFile, ImageFolder } from './files.ts'

export interface MadeOptions {
  database: Database
  folder: ImageFolder
  onMade: (event: { index: number, bytes: number, seconds: number }) => void
  onFailure: (error: Error) => void
}

/** An image that nobody has asked for in so long is let go of: it takes room, and keeps the log from being cut. */
const idleMs = 10 * 60_000

/** The snapshots that this node can give to followers: the newest one, made when one is needed. */
export class MadeSnapshots {
  readonly #options: MadeOptions
  #newest: { snapshot: Snapshot, file: ImageFile, usedAt: number } | null = null
  #making: Promise<void> | null = null
  /** The index of the one that is being made; 0 while that is not known. */
  #makingFrom = 0
  #closed = false

  constructor (options: MadeOptions) {
    this.#options = options
  }

  /** One whose index is at least `since`, with the members of now. Undefined while it is being made. */
  offer (since: number): Snapshot | undefined {
    const newest = this.#newest
    if (newest !== null && newest.snapshot.index >= since && this.#isOfThisConfiguration(newest.snapshot)) {
      newest.usedAt = performance.now()
      return newest.snapshot
    }
    this.#making ??= this.#make().catch(this.#options.onFailure).finally(() => { this.#making = null })
    return undefined
  }

  /** The file, if that is the newest snapshot. To be asked for again while it is being sent: it is kept that long. */
  file (index: number, term: number): ImageFile | null {
    const newest = this.#newest
    if (newest === null || newest.snapshot.index !== index || newest.snapshot.term !== term) return null
    newest.usedAt = performance.now()
    return newest.file
  }

  /** The log must reach back to here, or whoever gets the snapshot would need another one at once. */
  get keepFrom (): number {
    const newest = this.#newest
    // One that takes long to make would be older than the log by the time that it is there.
    if (this.#making !== null) return Math.min(this.#makingFrom, newest?.snapshot.index ?? Infinity)
    if (newest === null) return Infinity
    if (performance.now() - newest.usedAt > idleMs) {
      this.#newest = null
      void this.#options.folder.keepOnly([]).catch(() => {})
      return Infinity
    }
    return newest.snapshot.index
  }

  async close (): Promise<void> {
    this.#closed = true
    await this.#making
  }

  #isOfThisConfiguration ({ configuration }: Snapshot): boolean {
    return isDeepStrictEqual(configuration, configurationOf(this.#options.database.configuration))
  }

  async #make (): Promise<void> {
    const { database, folder, onMade } = this.#options
    const begun = performance.now()
    this.#makingFrom = 0
    const view = await database.store.view()
    const { header, chunks } = await imageOf(view)
    const at = { index: header.index, term: header.term }
    this.#makingFrom = at.index
    const part = await open(folder.partPath(at), 'w', 0o600).catch(async (error: Error) => {
      await view.release()
      throw error
    })
    try {
      for await (const chunk of chunks) {
        if (this.#closed) throw new Error('this node is stopping')
        await part.write(chunk)
      }
    } finally {
      await part.close()
    }
    const file = await folder.complete(at)
    this.#newest = {
      snapshot: { ...at, configuration: configurationOf(header.configuration) }, file, usedAt: performance.now(),
    }
    await folder.keepOnly([at])
    onMade({ index: at.index, bytes: file.bytes, seconds: (performance.now() - begun) / 1000 })
  }
}
