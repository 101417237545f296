/**
 * Does the work with a signal that aborts with the outer one, or with a TimeoutError after so many milliseconds.
 *
 * It is what `AbortSignal.any([signal, AbortSignal.timeout(ms)])` promises. There, Node.js collects the timeout as
 * garbage before it fires, and the work waits for ever (nodejs/node issue 57736).
 */
export async function withDeadline<Result> (
  ms: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Result>
): Promise<Result> {
  const ending = new AbortController()
  const abort = (): void => ending.abort(signal.reason)
  const timer = setTimeout(() => {
    ending.abort(new DOMException(`It was not done within ${ms} ms`, 'TimeoutError'))
  }, ms)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  try {
    return await work(ending.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/** What comes of the work, unless the signal comes first. */
export async function orAborted<Result> (work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let abort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('it was ended', { cause: signal.reason }))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([aborted, work])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
