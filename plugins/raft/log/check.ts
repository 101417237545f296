import { requestBytes } from './batch.ts'
import { LogError } from './errors.ts'
import type { AppendRequest } from './types.ts'

/** So that any request fits a segment of its own, and its offsets 32 bits. */
const requestBytesMax = 1024 * 1024 * 1024

/** Throws unless the request fits a log whose entries up to `compacted` are gone and whose last entry is `last`. */
export function checkAppend ({ hardState, entries }: AppendRequest, compacted: number, last: number): void {
  if (hardState !== undefined) {
    const { term, vote, commit } = hardState
    if (!isCount(term) || !isCount(commit)) throw new RangeError('term and commit of a hard state are whole numbers')
    if (vote !== null && !/^[0-9a-f]{16}$/.test(vote)) throw new TypeError('a vote is a node id of 16 hex digits')
  }
  const first = entries[0]
  if (first === undefined) return
  if (first.index <= compacted) {
    throw new LogError('LOG_COMPACTED', `Entry ${first.index} cannot be replaced: the log begins after ${compacted}.`)
  }
  if (first.index > last + 1) throw new LogError('LOG_GAP', `Entry ${first.index} does not follow entry ${last}.`)
  let next = first.index
  for (const { index, term, type } of entries) {
    if (index !== next) throw new LogError('LOG_GAP', `Entry ${index} does not follow entry ${next - 1}.`)
    if (!isCount(term) || !isCount(index)) throw new RangeError('term and index of an entry are whole numbers')
    if (!isCount(type) || type > 255) throw new RangeError('the type of an entry is one byte')
    next++
  }
  if (requestBytes(entries) > requestBytesMax) throw new RangeError('the entries of one append must stay below 1 GiB')
}

function isCount (value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
