/**
 * LOG_DAMAGED, LOG_FORMAT_NEWER: the files cannot be trusted or understood; the node must not start.
 * LOG_FAILED: a write or a sync failed. It is final, for nobody can tell what the disk holds until it is read again.
 * LOG_FULL, LOG_NO_SEGMENT: a new segment file could not be made, for want of space or for another reason. Nothing was
 * harmed and the refused appends changed nothing; the same append may be tried again.
 * LOG_COMPACTED: the entry is no longer here. LOG_GAP: the append does not continue the log. LOG_CLOSED: after close().
 */
export type LogErrorCode =
  'LOG_DAMAGED' | 'LOG_FORMAT_NEWER' | 'LOG_FAILED' | 'LOG_FULL' | 'LOG_NO_SEGMENT' | 'LOG_COMPACTED' | 'LOG_GAP' |
  'LOG_CLOSED'

export class LogError extends Error {
  readonly code: LogErrorCode

  constructor (code: LogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.name = 'LogError'
    this.code = code
  }
}

/** The error for bytes that a crash cannot explain. `lastIndex` is the last entry that was still good before them. */
export function damaged (file: string, offset: number, lastIndex: number, what: string): LogError {
  return new LogError('LOG_DAMAGED',
    `The Raft log is damaged: ${file}, offset ${offset}: ${what}. The last good entry before it is ${lastIndex}; ` +
    'entries after it that this node has acknowledged would be lost, so the node does not start. ' +
    'Restore the node from a backup or, in a cluster, remove its data folder and let it join again under a new id.')
}

/** The error for a segment file that could not be made. */
export function segmentNotMade (directory: string, cause: unknown): LogError {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(reason)) {
    return new LogError('LOG_FULL',
      `There is no room for another segment of the Raft log in ${directory} (${reason}). ` +
      'Nothing is lost; free some space and writes go on.', cause)
  }
  return new LogError('LOG_NO_SEGMENT',
    `Another segment of the Raft log could not be made in ${directory} (${reason}). ` +
    'Nothing is lost; mend the cause and writes go on.', cause)
}

/** The error for a write or sync that failed. */
export function failed (file: string, cause: unknown): LogError {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
  return new LogError('LOG_FAILED',
    `Writing the Raft log failed (${reason}): ${file}. What the disk holds is known only when it is read again: ` +
    'see to the disk, then restart the node.', cause)
}
