import { crc32c } from '@node-rs/crc32'
import { BinaryReader, BinaryWriter } from './binary.ts'
import { decodeConfiguration, type AppliedConfiguration } from './configuration.ts'
import { formatVersion } from './format.ts'
import { everyKey, metaKeys } from './keys.ts'
import { decodePosition } from './position.ts'
import { families, type Family, type Row, type View } from './store.ts'

/** The layout of an image; another number means that this release cannot read it. */
export const imageVersion = 1

/** What an image is of. A dump's header has the same names for the same things. */
export interface ImageHeader {
  version: number
  /** The format version of the database. */
  format: number
  clusterId: string | null
  revision: number
  /** Of the last change, as ISO 8601. */
  timestamp: string
  /** Of the last entry of the Raft log that is in it. */
  index: number
  term: number
  configuration: AppliedConfiguration | null
}

export interface ImageRow extends Row {
  family: Family
}

/** An image that cannot be used; the message says why. */
export class ImageError extends Error {
  readonly code: 'IMAGE_DAMAGED' | 'IMAGE_VERSION' | 'IMAGE_TRUNCATED'
  constructor (code: ImageError['code'], message: string) {
    super(message)
    this.name = 'ImageError'
    this.code = code
  }
}

const magic = Buffer.from('CWIMAGE\n')
const kinds = { header: 1, rows: 2, end: 3 }

/** A block of rows ends with the row that fills it. */
const blockBytes = 64 * 1024
/** A row is at most as long as a request may be, with what stands around it. */
const blockBytesMax = 512 * 1024 * 1024

/**
 * The whole database at one position, every row of every family: what a node needs to take part when the log no longer
 * reaches back. The same view gives the same bytes.
 *
 *     "CWIMAGE\n"
 *     blocks: u8 kind, u32 length, content, u32 CRC32C over everything before it, from the first byte on
 *       header: JSON
 *       rows:   for each u8 family, u32 length, key, u32 length, value
 *       end:    u64 number of rows
 *
 * A block comes as one chunk. The view is released when the chunks have been read to the end, or are given up; who does
 * not begin to read them releases it.
 */
export async function imageOf (view: View): Promise<{ header: ImageHeader, chunks: AsyncGenerator<Buffer> }> {
  try {
    const position = decodePosition(await view.get('meta', metaKeys.applied))
    const configuration = await view.get('meta', metaKeys.configuration)
    const clusterId = await view.get('meta', metaKeys.clusterId)
    const header: ImageHeader = {
      version: imageVersion,
      format: formatVersion,
      clusterId: clusterId?.toString() ?? null,
      revision: position.revision,
      timestamp: new Date(position.timestamp).toISOString(),
      index: position.index,
      term: position.term,
      configuration: configuration === null ? null : decodeConfiguration(configuration),
    }
    return { header, chunks: chunksOf(view, header) }
  } catch (error) {
    await view.release()
    throw error
  }
}

async function * chunksOf (view: View, header: ImageHeader): AsyncGenerator<Buffer> {
  try {
    let checksum = crc32c(magic)
    const block = (kind: number, content: Buffer): Buffer => {
      const bytes = Buffer.allocUnsafe(content.length + 9)
      content.copy(bytes, bytes.writeUInt32BE(content.length, bytes.writeUInt8(kind)))
      checksum = crc32c(bytes.subarray(0, -4), checksum)
      bytes.writeUInt32BE(checksum, bytes.length - 4)
      // The next block's checksum is over this one too.
      checksum = crc32c(bytes.subarray(-4), checksum)
      return bytes
    }
    yield Buffer.concat([magic, block(kinds.header, encodeHeader(header))])
    let count = 0
    let rows: ImageRow[] = []
    let bytes = 0
    for (const family of families) {
      for await (const piece of view.pieces(family, everyKey)) {
        for (const { key, value } of piece) {
          rows.push({ family, key, value })
          count++
          bytes += key.length + value.length + 9
          if (bytes < blockBytes) continue
          yield block(kinds.rows, encodeRows(rows))
          rows = []
          bytes = 0
        }
      }
    }
    if (rows.length > 0) yield block(kinds.rows, encodeRows(rows))
    yield block(kinds.end, new BinaryWriter().u64(count).finish())
  } finally {
    await view.release()
  }
}

/**
 * Reads an image: its header, then its rows, some at a time. Rows come only once a checksum over all up to them was
 * right, and end without an error only when all are there. Who does not read the rows ends the chunks.
 *
 * @throws ImageError, also while the rows are read; and what the chunks throw
 */
export async function readImage (
  chunks: AsyncIterable<Buffer>
): Promise<{ header: ImageHeader, rows: AsyncGenerator<ImageRow[]> }> {
  const source = new Source(chunks)
  try {
    if (!(await source.take(magic.length)).equals(magic)) {
      throw new ImageError('IMAGE_DAMAGED', 'This is not an image of a database: it does not begin like one.')
    }
    const { kind, content } = await source.block()
    if (kind !== kinds.header) throw damaged()
    return { header: decodeHeader(content), rows: rowsOf(source) }
  } catch (error) {
    await source.close()
    throw error
  }
}

async function * rowsOf (source: Source): AsyncGenerator<ImageRow[]> {
  try {
    for (let count = 0; ;) {
      const { kind, content } = await source.block()
      if (kind === kinds.rows) {
        const rows = decodeRows(content)
        count += rows.length
        yield rows
      } else if (kind === kinds.end) {
        if (new BinaryReader(content).u64() !== count) throw damaged()
        await source.end()
        return
      } else throw damaged()
    }
  } finally {
    await source.close()
  }
}

function encodeHeader (header: ImageHeader): Buffer {
  const { configuration } = header
  const bytes = configuration?.bytes.toString('base64')
  return Buffer.from(JSON.stringify({ ...header, configuration: configuration && { ...configuration, bytes } }))
}

function decodeHeader (content: Buffer): ImageHeader {
  const header = JSON.parse(content.toString()) as Omit<ImageHeader, 'configuration'> & {
    configuration: { bytes: string, voters: string[], learners: string[] } | null
  }
  const { version, format, configuration } = header
  if (version !== imageVersion || format !== formatVersion) {
    throw new ImageError('IMAGE_VERSION', `The image has version ${version} and is of a database of format ${format}; this ` +
      `release reads version ${imageVersion} and format ${formatVersion}. Run the same release on all nodes.`)
  }
  const bytes = Buffer.from(configuration?.bytes ?? '', 'base64')
  return { ...header, configuration: configuration && { ...configuration, bytes } }
}

function encodeRows (rows: readonly ImageRow[]): Buffer {
  const out = new BinaryWriter()
  for (const { family, key, value } of rows) out.u8(families.indexOf(family)).bytes(key).bytes(value)
  return out.finish()
}

function decodeRows (content: Buffer): ImageRow[] {
  const from = new BinaryReader(content)
  const rows: ImageRow[] = []
  while (!from.done) {
    const family = families[from.u8()]
    if (family === undefined) throw damaged()
    rows.push({ family, key: from.bytes(), value: from.bytes() })
  }
  return rows
}

function damaged (): ImageError {
  return new ImageError('IMAGE_DAMAGED',
    'The image is damaged: its checksum does not fit its content. It must be made or sent again.')
}

/** Takes bytes from chunks of any size, and keeps the checksum of all that was taken. */
class Source {
  #checksum = 0
  readonly #chunks: AsyncIterator<Buffer>
  #waiting: Buffer[] = []
  #waitingBytes = 0

  constructor (chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  async take (length: number): Promise<Buffer> {
    while (this.#waitingBytes < length) {
      const { done, value } = await this.#chunks.next()
      if (done === true) {
        throw new ImageError('IMAGE_TRUNCATED', 'The image ends too early: a part is missing. It must be made or sent again.')
      }
      this.#waiting.push(value)
      this.#waitingBytes += value.length
    }
    const whole = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting)
    const taken = whole.subarray(0, length)
    this.#waiting = [whole.subarray(length)]
    this.#waitingBytes = whole.length - length
    this.#checksum = crc32c(taken, this.#checksum)
    return taken
  }

  async block (): Promise<{ kind: number, content: Buffer }> {
    const head = await this.take(5)
    const kind = head.readUInt8(0)
    const length = head.readUInt32BE(1)
    if (length > blockBytesMax) throw damaged()
    const content = await this.take(length)
    const expected = this.#checksum
    if ((await this.take(4)).readUInt32BE() !== expected) throw damaged()
    return { kind, content }
  }

  /** Nothing may follow. */
  async end (): Promise<void> {
    let rest = this.#waitingBytes
    for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next()) {
      rest += next.value.length
    }
    if (rest > 0) throw new ImageError('IMAGE_DAMAGED', 'The image is damaged: something follows its end.')
  }

  async close (): Promise<void> {
    await this.#chunks.return?.()
  }
}
