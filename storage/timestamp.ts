/** The last one that was made: many writes share a millisecond, and each is shown more than once. */
let last = { timestamp: NaN, text: '' }

/** Milliseconds since 1970 as ISO 8601. */
export function timestampText (timestamp: number): string {
  if (timestamp !== last.timestamp) last = { timestamp, text: new Date(timestamp).toISOString() }
  return last.text
}
