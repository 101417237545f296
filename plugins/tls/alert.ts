/** What OpenSSL says went wrong in a handshake, or what the other side's alert says; null for any other error. */
export function alertOf (message: string): string | null {
  return /SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? null
}
