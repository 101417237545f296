import { Problem } from '../../storage/problem.ts'

/** Throws INVALID_JSON. `offset` counts bytes from the start of the body. */
export function invalid (body: Buffer, reason: string, offset: number): never {
  const words = offset < body.length ? reason : `${reason}, but the body ends`
  throw new Problem('INVALID_JSON', { reason: words, offset })
}
