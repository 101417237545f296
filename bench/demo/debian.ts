import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { startChild } from '../children.ts'
import type { Record, Source } from './record.ts'

/** The package index of a Debian system as `apt-cache dumpavail` prints it; null where there is no apt. */
export async function readDebianPackages (
  limit: number, program = '/usr/bin/apt-cache'
): Promise<Source | null> {
  const child = startChild(program, ['dumpavail'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'close').then(() => true, () => false)
  const records: Record[] = []
  for await (const record of recordsOf(createInterface({ input: child.stdout!, crlfDelay: Infinity }))) {
    records.push(record)
    if (records.length === limit) {
      child.kill()
      break
    }
  }
  await ended
  return records.length === 0 ? null : { name: 'apt-cache dumpavail', tenant: 'debian', records }
}

/** The records in lines of a Debian control file (deb822(5)): a paragraph each, whole. */
export async function * recordsOf (lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Record> {
  let fields = new Map<string, string>()
  let last = ''
  for await (const line of lines) {
    if (line.trim() === '') {
      if (fields.size > 0) yield recordOf(fields)
      fields = new Map()
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      // A field goes on. The line stays as it is, so that nothing of the record is lost.
      fields.set(last, `${fields.get(last)}\n${line}`)
    } else {
      const colon = line.indexOf(':')
      last = line.slice(0, colon)
      fields.set(last, line.slice(colon + 1).trim())
    }
  }
  if (fields.size > 0) yield recordOf(fields)
}

function recordOf (fields: Map<string, string>): Record {
  return {
    collection: fields.get('Section') ?? 'none',
    key: fields.get('Package') ?? 'none',
    data: JSON.stringify(Object.fromEntries(fields)),
  }
}
