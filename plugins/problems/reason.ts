import type { ErrorObject } from 'ajv'

/** The parts of a request that are checked, as Fastify names them. */
export type RequestPart = 'body' | 'querystring' | 'params' | 'headers'

/**
 * What is wrong with which field, in words, from what a schema's validator found.
 *
 * A field of a body is a JSON pointer (RFC 6901) such as `/changes/3/key`, one of another part its name, a fault of the
 * whole the part's name. Of several faults the deepest is told: a value that may be one of two things is faulted twice,
 * and the thing that it nearly is explains most.
 */
export function explain (errors: readonly ErrorObject[], part: RequestPart): { field: string, reason: string } {
  const deepest = Math.max(...errors.map(depth))
  const told = errors.filter((error) => depth(error) === deepest)
  const precise = told.filter(({ keyword }) => keyword !== 'anyOf' && keyword !== 'oneOf')
  const first = precise[0] ?? told[0]!
  const field = fieldOf(first, part)
  const reasons = precise.filter((error) => fieldOf(error, part) === field).map(reasonOf)
  const repeated = part !== 'body' && Array.isArray(first.data) && ['type', 'const', 'enum'].includes(first.keyword)
  if (repeated) return { field, reason: 'must be given only once' }
  return { field, reason: joined([...new Set(reasons.length === 0 ? [reasonOf(first)] : reasons)]) }
}

function joined (reasons: string[]): string {
  return reasons.map((reason, index) => index === 0 ? reason : reason.replace(/^must be /, '')).join(', or ')
}

function depth (error: ErrorObject): number {
  return pointerOf(error).split('/').length
}

/** A missing or unknown member is a fault of that member, not of what should hold it. */
function pointerOf ({ instancePath, keyword, params }: ErrorObject): string {
  if (keyword === 'required') return `${instancePath}/${escaped(params.missingProperty)}`
  if (keyword === 'additionalProperties') return `${instancePath}/${escaped(params.additionalProperty)}`
  return instancePath
}

function escaped (name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function fieldOf (error: ErrorObject, part: RequestPart): string {
  const pointer = pointerOf(error)
  if (pointer === '') return part === 'querystring' ? 'query' : part
  return part === 'body' ? pointer : pointer.slice(1)
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
