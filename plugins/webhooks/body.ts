import type { Compare, Operation } from '../../storage/types.ts'
import type { Concerned } from './filter.ts'

/** What a hook gets, as JSON. Data goes in as the text that it is: it is not parsed for this. */
export function bodyOf (hook: string, request: string, { compare, then, else: otherwise }: Concerned): Buffer {
  const parts: Buffer[] = [text(`{"hook":${json(hook)},"request":${json(request)},"compare":${json(compare.map(compareOf))},"then":`)]
  addOperations(parts, then)
  parts.push(text(',"else":'))
  addOperations(parts, otherwise)
  parts.push(text('}'))
  return Buffer.concat(parts)
}

function addOperations (parts: Buffer[], operations: Operation[]): void {
  operations.forEach(({ data, ...names }, at) => {
    const head = json(names)
    parts.push(text(`${at === 0 ? '[' : ','}${data === undefined ? head : `${head.slice(0, -1)},"data":`}`))
    if (data !== undefined) parts.push(data, text('}'))
  })
  parts.push(text(operations.length === 0 ? '[]' : ']'))
}

function compareOf ({ tenant, collection, key, revision }: Compare): Compare {
  return { tenant, collection, key, revision }
}

function json (value: unknown): string {
  return JSON.stringify(value)
}

function text (characters: string): Buffer {
  return Buffer.from(characters)
}
