import { decodeChange } from './change.ts'
import { changeRange, expiredRange, expiryName, readU64, renameTag, requestKey, tagKey } from './keys.ts'
import { expiredChunks, chunkHeadBytes, closedChunks } from './outcomes.ts'
import type { Staging } from './staging.ts'

/** How many rows one housekeeping command may remove, so that no batch grows without bound. */
const housekeepingRows = 1000

/** More than any scope takes at the front of a change's row. */
const scopeBytesMax = 256 * 1024

/** Forgets idempotency keys, and outcomes of writes, whose time has passed. */
export function expire (staging: Staging): void {
  const { timestamp, index } = staging.position
  for (const { key } of staging.range('requests', expiredRange(timestamp), 0, housekeepingRows)) {
    staging.delete('requests', key)
    staging.delete('requests', requestKey(expiryName(key)))
  }
  const chunks = staging.range('requests', closedChunks(index), chunkHeadBytes, housekeepingRows)
  const gone = expiredChunks(chunks, timestamp)
  if (gone !== null) staging.deleteRange('requests', gone)
}

/** Cuts the history: changes and their tags go; the tenants' feeds stay whole. */
export function trim (staging: Staging, wanted: number): void {
  const { position } = staging
  const firstRevision = Math.min(wanted, position.revision + 1, position.firstRevision + housekeepingRows)
  if (firstRevision <= position.firstRevision) return
  const range = changeRange(position.firstRevision, firstRevision)
  for (const { key, value } of staging.range('changes', range, scopeBytesMax)) {
    const { revision, scope } = decodeChange(readU64(key, 0), value)
    for (const tag of scope.tags) staging.delete('tags', tagKey(tag, revision))
    if (scope.type === 'tenant-rename') staging.delete('tags', tagKey(renameTag, revision))
  }
  staging.deleteRange('changes', range)
  position.firstRevision = firstRevision
}
