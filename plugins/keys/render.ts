import type { Entry } from '../../storage/types.ts'

const closing = Buffer.from('}')
const comma = Buffer.from(',')

/** An entry's JSON text with the data's own bytes inside; without data when only keys are wanted. */
export function renderEntry ({ key, revision, timestamp, data }: Entry, withData = true): Buffer {
  const head = `{"key":${JSON.stringify(key)},"revision":${revision},"timestamp":"${new Date(timestamp).toISOString()}"`
  return withData ? Buffer.concat([Buffer.from(`${head},"data":`), data, closing]) : Buffer.from(head + '}')
}

export function renderKeys (entries: Entry[], next: string | null, withData: boolean): Buffer {
  const parts: Buffer[] = [Buffer.from('{"keys":[')]
  entries.forEach((entry, at) => {
    if (at > 0) parts.push(comma)
    parts.push(renderEntry(entry, withData))
  })
  parts.push(Buffer.from(`],"next":${JSON.stringify(next)}}`))
  return Buffer.concat(parts)
}
