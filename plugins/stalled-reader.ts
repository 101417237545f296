import type { ServerResponse } from 'node:http'

/**
 * Calls back when something has waited for a reader for so long and the reader took nothing of it. A slow reader is
 * left alone: each look compares what still waits with what waited before, so it can take up to twice the time until
 * one that stopped is noticed. What the system's buffer for the connection holds counts as taken.
 */
export function onStalled (response: ServerResponse, seconds: number, stalled: () => void): void {
  // Node's timer of a socket begins anew with each write, and while a write is only half taken with each look at which
  // less of it is left. It also runs out where there was nothing to write.
  response.setTimeout(seconds * 1000, () => {
    if (response.writableLength > 0) stalled()
  })
}
