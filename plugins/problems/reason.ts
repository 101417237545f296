import type { ErrorObject } from 'ajv'

/** The parts of a request that are checked, as Fastify names them. */
export type RequestPart = 'body' | 'querystring' | 'params' | 'headers'

/**
 * What is wrong with which field, in words, from what a schema's validator found.
 *
 * The field is a path such as `changes[3].key`; a fault of the whole has the part's name. Of several faults the deepest
 * is told: a value that may be one of two things is faulted twice, and the thing that it nearly is explains most.
 */
export function explain (errors: readonly ErrorObject[], part: RequestPart): { field: string, reason: string } {
  const deepest = Math.max(...errors.map(depth))
  const told = errors.filter((error) => depth(error) === deepest)
  const precise = told.filter(({ keyword }) => keyword !== 'anyOf' && keyword !== 'oneOf')
  const first = precise[0] ?? told[0]!
  const field = fieldOf(first, part)
  const reasons = precise.filter((error) => fieldOf(error, part) === field).map(reasonOf)
  return { field, reason: joined([...new Set(reasons.length === 0 ? [reasonOf(first)] : reasons)]) }
}

function joined (reasons: string[]): string {
  return reasons.map((reason, index) => index === 0 ? reason : reason.replace(/^must be /, '')).join(', or ')
}

function depth (error: ErrorObject): number {
  return pointerOf(error).length
}

/** A missing or unknown member is a fault of that member, not of what should hold it. */
function pointerOf ({ instancePath, keyword, params }: ErrorObject): string[] {
  const path = instancePath.split('/').slice(1).map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (keyword === 'required') path.push(params.missingProperty as string)
  if (keyword === 'additionalProperties') path.push(params.additionalProperty as string)
  return path
}

function fieldOf (error: ErrorObject, part: RequestPart): string {
  const names = pointerOf(error)
  if (names.length === 0) return part === 'querystring' ? 'query' : part
  return names.map((name, index) => {
    if (/^[0-9]+$/.test(name)) return `[${name}]`
    if (!/^[\w-]+$/.test(name)) return `[${JSON.stringify(name)}]`
    return index === 0 ? name : `.${name}`
  }).join('')
}

type Params = Record<string, any>

const reasons: Record<string, (params: Params) => string> = {
  required: () => 'must be given',
  additionalProperties: () => 'is not known here',
  'false schema': () => 'must not be given',
  type: ({ type }) => `must be ${String(type).split(',').map(withArticle).join(' or ')}`,
  enum: ({ allowedValues }) => `must be one of ${allowedValues.map((value: unknown) => JSON.stringify(value)).join(', ')}`,
  const: ({ allowedValue }) => `must be ${JSON.stringify(allowedValue)}`,
  minimum: ({ limit }) => `must be at least ${limit}`,
  maximum: ({ limit }) => `must be at most ${limit}`,
  exclusiveMinimum: ({ limit }) => `must be more than ${limit}`,
  exclusiveMaximum: ({ limit }) => `must be less than ${limit}`,
  multipleOf: ({ multipleOf }) => `must be a multiple of ${multipleOf}`,
  minLength: ({ limit }) => limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`,
  maxLength: ({ limit }) => `must have at most ${limit} characters`,
  pattern: ({ pattern }) => `must match the pattern ${pattern}`,
  format: ({ format }) => `must have the format ${format}`,
  minItems: ({ limit }) => limit === 1 ? 'must not be empty' : `must have at least ${limit} items`,
  maxItems: ({ limit }) => `must have at most ${limit} items`,
  uniqueItems: ({ i, j }) => `must not hold the same item twice (at ${j} and ${i})`,
  minProperties: ({ limit }) => `must have at least ${limit} members`,
  maxProperties: ({ limit }) => `must have at most ${limit} members`,
}

function reasonOf ({ keyword, params, message }: ErrorObject): string {
  return reasons[keyword]?.(params) ?? message ?? `must pass ${keyword}`
}

function withArticle (type: string): string {
  if (type === 'null') return type
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`
}
