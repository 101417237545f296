import { Failure } from './failure.ts'
import type { Thing } from './objects.ts'

/** `a=b,c=d`: what discovery's selectors look like. Other forms are refused rather than misread. */
export function selects (selector: string | null): (thing: Thing | null) => boolean {
  const pairs = (selector ?? '').split(',').filter((part) => part !== '').map((part) => {
    const match = /^([A-Za-z0-9./_-]+)==?([A-Za-z0-9._-]*)$/.exec(part)
    if (match === null) throw new Failure(400, 'BadRequest', `unable to parse requirement: ${part}`)
    return [match[1]!, match[2]!] as const
  })
  return (thing) => thing !== null && pairs.every(([label, value]) => thing.metadata.labels?.[label] === value)
}
