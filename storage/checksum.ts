import { crc32c } from '@node-rs/crc32'
import { everyKey, metaKeys } from './keys.ts'
import { checksumText, decodePosition } from './position.ts'
import { families, type Family, type RowOperation, type View } from './store.ts'

const numbers = Object.fromEntries(families.map((family, at) => [family, at << 2])) as Record<Family, number>
const kinds = { put: 0, delete: 1, deleteRange: 2 }

/** Of kind and lengths. */
const headBytes = 9
/** Rows up to so many bytes are copied beside each other: one call over all of it costs less than many. */
const copiedBytesMax = 8192

const scratch = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * CRC32C over operations on rows, in their order, going on from a former one. Kind and lengths stand before
 * the bytes, so that different operations never read alike.
 */
export function chainChecksum (operations: readonly RowOperation[], from: number, before: number): number {
  let checksum = before
  let filled = 0
  for (let at = from; at < operations.length; at++) {
    const operation = operations[at]!
    const isRange = 'range' in operation
    const first = isRange ? operation.range.start : operation.key
    const second = isRange ? operation.range.end : operation.value
    const kind = isRange ? kinds.deleteRange : second === null ? kinds.delete : kinds.put
    const length = first.length + (second?.length ?? 0)
    if (filled + headBytes + length > scratch.length) {
      if (filled > 0) checksum = crc32c(scratch.subarray(0, filled), checksum)
      filled = 0
    }
    scratch[filled] = numbers[operation.family] | kind
    scratch.writeUInt32BE(first.length, filled + 1)
    scratch.writeUInt32BE(second?.length ?? 0, filled + 5)
    filled += headBytes
    if (length <= copiedBytesMax) {
      scratch.set(first, filled)
      if (second !== null) scratch.set(second, filled + first.length)
      filled += length
    } else {
      checksum = crc32c(first, crc32c(scratch.subarray(0, filled), checksum))
      filled = 0
      if (second !== null) checksum = crc32c(second, checksum)
    }
  }
  return filled === 0 ? checksum : crc32c(scratch.subarray(0, filled), checksum)
}

/**
 * A checksum over all rows as the disk has them, `meta` included: proof that nodes which applied as much hold the same
 * bytes. It reads everything; the view stays the caller's.
 *
 * @returns where the database stands, and 8 hex digits
 */
export async function checksumOf (view: View): Promise<{ index: number, revision: number, value: string }> {
  const { index, revision } = decodePosition(await view.get('meta', metaKeys.applied))
  let checksum = 0
  for (const family of families) {
    for await (const rows of view.pieces(family, everyKey)) {
      checksum = chainChecksum(rows.map((row) => ({ family, ...row })), 0, checksum)
    }
  }
  return { index, revision, value: checksumText(checksum) }
}
