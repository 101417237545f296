import { constants } from 'node:fs'
import { open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectory } from '../../storage/directory.ts'
import { decodeBlocks, encodeBlock, headerBytes, newHeader, type QueueEvent } from './blocks.ts'

interface Waiting {
  resolve: () => void
  reject: (error: Error) => void
}

/** What was forgotten takes room until so much of it has gathered that writing the rest anew is worth it. */
const spareBytesMin = 1024 * 1024

/**
 * The file of the queue: writes are added and forgotten at its end. While one block is on its way to the disk, what
 * comes is gathered into the next. When most of the file is of writes that are forgotten, the others are written to
 * another, which takes its place.
 */
export class QueueFile {
  readonly #path: string
  #handle: FileHandle
  #header: Buffer
  /** Bytes up to the end of the last whole block. */
  #length: number
  /** What the file holds and has not forgotten, in order. */
  readonly #held: Map<number, Buffer>
  #heldBytes = 0
  #events: QueueEvent[] = []
  #waiting: Waiting[] = []
  #writing: Promise<void> = Promise.resolve()
  #isWriting = false
  #failure: Error | null = null
  #closed = false

  private constructor (path: string, handle: FileHandle, header: Buffer, length: number, held: Map<number, Buffer>) {
    this.#path = path
    this.#handle = handle
    this.#header = header
    this.#length = length
    this.#held = held
    for (const { length: bytes } of held.values()) this.#heldBytes += bytes
  }

  /** @throws QueueDamagedError, or the system's error */
  static async open (path: string): Promise<QueueFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    try {
      await syncDirectory(dirname(path))
      let bytes: Buffer = await handle.readFile()
      if (bytes.length < headerBytes) {
        // Before its header is durable nothing is added.
        bytes = newHeader()
        await writeAll(handle, bytes, 0)
      }
      const { events, length } = decodeBlocks(bytes, path)
      await handle.truncate(length)
      await handle.sync()
      const held = new Map<number, Buffer>()
      for (const event of events) {
        if (event.kind === 'added') held.set(event.number, Buffer.from(event.bytes))
        else held.delete(event.number)
      }
      return new QueueFile(path, handle, bytes.subarray(0, headerBytes), length, held)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** What was added and not forgotten, in order. */
  get held (): ReadonlyMap<number, Buffer> {
    return this.#held
  }

  /** Why nothing can be added any more: what the disk holds is known only when it is read again. */
  get failure (): Error | null {
    return this.#failure
  }

  /** Resolves when the write is on the disk. Numbers grow. */
  add (number: number, bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null || this.#closed) return reject(this.#failure ?? new Error('the queue is closed'))
      this.#events.push({ kind: 'added', number, bytes })
      this.#waiting.push({ resolve, reject })
      this.#wake()
    })
  }

  /** Some time later the write is no longer there. Until then a crash brings it back. */
  forget (number: number): void {
    if (this.#failure !== null || this.#closed) return
    this.#events.push({ kind: 'forgotten', number })
    this.#wake()
  }

  /** Writes what waits, and closes the file. */
  async close (): Promise<void> {
    this.#closed = true
    await this.#writing
    await this.#handle.close()
  }

  #wake (): void {
    if (!this.#isWriting) this.#writing = this.#write()
  }

  async #write (): Promise<void> {
    this.#isWriting = true
    // What the same turn brings goes along.
    await null
    while (this.#events.length > 0 && this.#failure === null) {
      const [events, waiting] = [this.#events, this.#waiting]
      this.#events = []
      this.#waiting = []
      const block = encodeBlock(events, this.#header)
      try {
        await writeAll(this.#handle, block, this.#length)
      } catch (error) {
        // Nothing that counts was touched, and the next block goes to the same place.
        for (const { reject } of waiting) reject(error as Error)
        this.#events = [...events.filter(({ kind }) => kind === 'forgotten'), ...this.#events]
        if (this.#waiting.length === 0) break
        continue
      }
      try {
        await this.#handle.datasync()
        this.#length += block.length
        for (const event of events) this.#keep(event)
        for (const { resolve } of waiting) resolve()
        if (this.#length - this.#heldBytes > spareBytesMin + this.#heldBytes) await this.#rewrite()
      } catch (error) {
        this.#fail(error as Error, waiting)
      }
    }
    this.#isWriting = false
  }

  #keep (event: QueueEvent): void {
    if (event.kind === 'added') {
      this.#held.set(event.number, event.bytes)
      this.#heldBytes += event.bytes.length
    } else {
      this.#heldBytes -= this.#held.get(event.number)?.length ?? 0
      this.#held.delete(event.number)
    }
  }

  /** Where there is no room for it, on the disk or among open files, all stays as it is: it is tried again later. */
  async #rewrite (): Promise<void> {
    const path = `${this.#path}.new`
    const header = newHeader()
    const events = [...this.#held].map(([number, bytes]) => ({ kind: 'added' as const, number, bytes }))
    const bytes = Buffer.concat([header, ...events.length === 0 ? [] : [encodeBlock(events, header)]])
    const draft = await open(path, 'w+', 0o600).catch(() => null)
    if (draft === null) return
    try {
      await writeAll(draft, bytes, 0)
      await draft.sync()
    } catch {
      await draft.close()
      await unlink(path)
      return
    }
    await rename(path, this.#path)
    await syncDirectory(dirname(this.#path))
    await this.#handle.close()
    this.#handle = draft
    this.#header = header
    this.#length = bytes.length
  }

  #fail (error: Error, waiting: readonly Waiting[]): void {
    this.#failure = error
    for (const { reject } of [...waiting, ...this.#waiting]) reject(error)
    this.#waiting = []
    this.#events = []
  }
}

async function writeAll (handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten
  }
}
