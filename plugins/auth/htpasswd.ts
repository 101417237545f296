import { entriesOf, identityFault, type Parsed } from './faults.ts'

/** Hashes by the names of their users. */
export type Hashes = ReadonlyMap<string, string>

/** One check of a hash above this takes seconds, and whoever knows a name could keep the node at it. */
const costMax = 14

/** A file as Apache's `htpasswd -B` writes it: a line for each user, `name:hash`, with bcrypt hashes only. */
export function parseHtpasswd (text: string): Parsed<Hashes> {
  const value = new Map<string, string>()
  const faults: Parsed<Hashes>['faults'] = []
  for (const { line, entry } of entriesOf(text)) {
    const at = entry.indexOf(':')
    const [name, hash] = at === -1 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)]
    const reason = at === -1 ? 'there is no colon between a name and a hash' : identityFault(name) ?? hashFault(name, hash)
    if (reason !== null) faults.push({ line, reason })
    else if (value.has(name)) faults.push({ line, reason: `${JSON.stringify(name)} is there twice; keep one` })
    else value.set(name, hash)
  }
  // Half a file is what a reader may find while it is written, and would lock everybody out.
  if (value.size === 0 && faults.length === 0) faults.push({ line: 0, reason: 'it names nobody; add a user with htpasswd -B' })
  return { value, faults }
}

function hashFault (name: string, hash: string): string | null {
  const again = `write it again with htpasswd -B (${JSON.stringify(name)})`
  const [, cost] = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.exec(hash) ?? []
  if (cost === undefined) return `the hash is not of bcrypt; ${again}`
  if (Number(cost) <= costMax) return null
  return `the cost of the hash is ${Number(cost)}, and at most ${costMax} is taken; ${again} and a lower -C`
}
