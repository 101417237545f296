/** Whole numbers of up to 53 bits as eight bytes, the lowest first. BigInt would allocate for each of them. */

export function writeU64 (bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % 0x1_0000_0000, at)
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4)
}

export function readU64 (bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at)
}

/** Where the bytes that are not zero end: 0 when all are zero. */
export function usedLength (bytes: Buffer): number {
  const zeros = Buffer.alloc(Math.min(bytes.length, 65_536))
  let end = bytes.length
  while (end > 0) {
    const start = Math.max(0, end - zeros.length)
    if (bytes.compare(zeros, 0, end - start, start, end) !== 0) break
    end = start
  }
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}
