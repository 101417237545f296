import { statfs } from 'node:fs/promises'

/** How often the disk is looked at: often enough that the room kept free outlasts what is written meanwhile. */
const intervalMs = 1000

/**
 * Watches the room on the data folder's disk, so that writes are refused while there is still enough of it to finish
 * what was accepted. A database that meets a full disk has to be started again; one that never meets it does not.
 */
export class DiskSpace {
  readonly neededBytes: number
  readonly #directory: string
  readonly #timer: NodeJS.Timeout
  #freeBytes = Infinity

  private constructor (directory: string, neededBytes: number) {
    this.#directory = directory
    this.neededBytes = neededBytes
    this.#timer = setInterval(() => { void this.#look() }, intervalMs)
    this.#timer.unref()
  }

  static async watch (directory: string, neededBytes: number): Promise<DiskSpace> {
    const space = new DiskSpace(directory, neededBytes)
    await space.#look()
    return space
  }

  get freeBytes (): number {
    return this.#freeBytes
  }

  get isLow (): boolean {
    return this.#freeBytes < this.neededBytes
  }

  close (): void {
    clearInterval(this.#timer)
  }

  async #look (): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(this.#directory)
      this.#freeBytes = bavail * bsize
    } catch {
      // Where the system cannot tell, nothing is refused for it.
      this.#freeBytes = Infinity
    }
  }
}
