import { createReadStream } from 'node:fs'
import { open, readFile, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../../storage/database.ts'
import { writeDurably } from '../../../storage/directory.ts'
import { ImageError, readImage } from '../../../storage/image.ts'
import type { EntryId, InstallSnapshot, NodeId, Snapshot } from '../core/index.ts'
import type { Log } from '../log/index.ts'
import { imageName, type ImageFile, type ImageFolder } from './files.ts'

export interface FetchedOptions {
  database: Database
  log: Log
  folder: ImageFolder
  /** Of the file that says that an image is being installed. */
  markerPath: string
  /** Opens `/snapshots/{name}` of a peer from an offset on. */
  request: (from: NodeId, path: string, offset: number, signal: AbortSignal) => Promise<IncomingMessage>
  onProgress: (event: SnapshotProgress) => void
}

export interface SnapshotProgress {
  from: NodeId
  index: number
  bytes: number
  totalBytes: number | null
  state: 'fetching' | 'broken off' | 'fetched' | 'installing' | 'installed'
  error?: Error
}

/** A transfer that breaks off goes on where it stood after so long. */
const retryMs = 500
/** After so many breaks without a byte between them the sender is told that it failed. */
const triesMax = 10
/** Progress is told about so often. */
const progressMs = 2000

/** The snapshots that this node gets from the leader: fetched whole, checked, and only then put in place. */
export class FetchedSnapshots {
  readonly #options: FetchedOptions
  #current: { message: InstallSnapshot, abort: AbortController } | null = null
  /** Those that are whole and wait to be installed: the core may have been told of them. */
  #whole: EntryId[] = []
  #closed = false

  constructor (options: FetchedOptions) {
    this.#options = options
  }

  /**
   * Fetches what the message speaks of. Resolves to the message, or a newer one of the same snapshot, once all bytes
   * are here and right; to null when another snapshot has taken its place, or the same is being fetched already.
   *
   * @throws when the sender no longer has it, or cannot be reached
   */
  async receive (message: InstallSnapshot): Promise<InstallSnapshot | null> {
    // It is installed, and the sender has not heard of it: the core tells.
    if (this.#options.database.applied.index >= message.snapshot.index) return message
    const current = this.#current
    if (current !== null && imageName(current.message.snapshot) === imageName(message.snapshot)) {
      // The sender may lead in a newer term by now.
      if (message.term >= current.message.term) current.message = message
      return null
    }
    if (current !== null && message.term < current.message.term) return null
    current?.abort.abort()
    const mine = { message, abort: new AbortController() }
    this.#current = mine
    try {
      await this.#fetch(message.from, message.snapshot, mine.abort.signal)
      return this.#current === mine ? mine.message : null
    } catch (error) {
      if (mine.abort.signal.aborted) return null
      throw error
    } finally {
      if (this.#current === mine) this.#current = null
    }
  }

  /** Puts the image in the place of database and log. A crash on the way is made good at the next start. */
  async install (snapshot: Snapshot): Promise<void> {
    const { folder, markerPath } = this.#options
    const file = await folder.find(snapshot)
    if (file === null) throw new Error(`the image of snapshot ${imageName(snapshot)} is gone`)
    await writeDurably(markerPath, JSON.stringify({ index: snapshot.index, term: snapshot.term }))
    await this.#putInPlace(file)
  }

  /** Finishes an installation that a crash broke off. To be called before anything else uses database and log. */
  async recover (): Promise<boolean> {
    const { folder, markerPath } = this.#options
    const text = await readFile(markerPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (text === null) return false
    const at = JSON.parse(text) as EntryId
    const file = await folder.find(at)
    if (file === null) throw new Error(`the image of snapshot ${imageName(at)} is gone, and its installation was not finished`)
    await this.#putInPlace(file)
    return true
  }

  close (): void {
    this.#closed = true
    this.#current?.abort.abort()
  }

  async #putInPlace (file: ImageFile): Promise<void> {
    const { database, log, folder, markerPath, onProgress } = this.#options
    const { index, term, bytes } = file
    onProgress({ from: '', index, bytes, totalBytes: bytes, state: 'installing' })
    const { applied, isTorn } = database
    if (isTorn || applied.index !== index || applied.term !== term) await database.restore(folder.read(file))
    if (log.termOf(index) !== term || log.lastIndex < index) await log.reset(index, term)
    await rm(markerPath, { force: true })
    await rm(file.path, { force: true })
    this.#whole = this.#whole.filter((whole) => whole.index > index)
    onProgress({ from: '', index, bytes, totalBytes: bytes, state: 'installed' })
  }

  async #fetch (from: NodeId, snapshot: Snapshot, signal: AbortSignal): Promise<void> {
    const { folder, onProgress } = this.#options
    if (await folder.find(snapshot) !== null) return
    await folder.keepOnly([snapshot, ...this.#whole])
    const { index } = snapshot
    let tries = 0
    for (;;) {
      const before = await folder.partBytes(snapshot)
      try {
        await this.#fetchSome(from, snapshot, before, signal)
        break
      } catch (error) {
        signal.throwIfAborted()
        const bytes = await folder.partBytes(snapshot)
        onProgress({ from, index, bytes, totalBytes: null, state: 'broken off', error: error as Error })
        tries = bytes > before ? 0 : tries + 1
        const isFinal = error instanceof SnapshotGone || error instanceof ImageError
        if (isFinal || this.#closed || tries >= triesMax) throw error
        await sleep(retryMs, undefined, { signal })
      }
    }
    const { bytes } = await folder.complete(snapshot)
    this.#whole.push({ index, term: snapshot.term })
    onProgress({ from, index, bytes, totalBytes: bytes, state: 'fetched' })
  }

  async #fetchSome (from: NodeId, snapshot: Snapshot, offset: number, signal: AbortSignal): Promise<void> {
    const { folder, onProgress, request } = this.#options
    const path = folder.partPath(snapshot)
    const response = await request(from, `/snapshots/${imageName(snapshot)}`, offset, signal)
    const totalBytes = Number(response.headers['changewell-snapshot-bytes'])
    if (response.statusCode === 404) throw new SnapshotGone(imageName(snapshot))
    if (response.statusCode !== 200 || !(totalBytes > 0)) throw new Error(`the sender answered ${response.statusCode}`)
    const part = await open(path, 'a', 0o600)
    let bytes = offset
    let toldAt = 0
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        await part.write(chunk)
        bytes += chunk.length
        if (performance.now() - toldAt < progressMs) continue
        toldAt = performance.now()
        onProgress({ from, index: snapshot.index, bytes, totalBytes, state: 'fetching' })
      }
    } finally {
      await part.close()
    }
    if (bytes < totalBytes) throw new Error(`the transfer ended after ${bytes} of ${totalBytes} bytes`)
    try {
      // Read to the end for its checksum; it is looked at again when it is installed.
      const { rows } = await readImage(createReadStream(path))
      for await (const some of rows) void some
    } catch (error) {
      await rm(path, { force: true })
      throw error
    }
  }
}

/** The sender has another snapshot by now, or leads no more. */
export class SnapshotGone extends Error {
  constructor (name: string) {
    super(`the sender no longer has snapshot ${name}`)
    this.name = 'SnapshotGone'
  }
}
