import type { Command } from '../../storage/types.ts'

const decoded = Symbol('decoded')

interface Encoded extends Buffer {
  [decoded]?: Command | undefined
}

/** Bytes that were encoded here need no decoding. A WeakMap would do too, but each collection of garbage walks it. */
export function keepDecoded (data: Buffer, command: Command): void {
  (data as Encoded)[decoded] = command
}

/** The command, once: the log keeps the bytes for long, and must not keep more. */
export function takeDecoded (data: Buffer): Command | undefined {
  const command = (data as Encoded)[decoded]
  if (command !== undefined) (data as Encoded)[decoded] = undefined
  return command
}
