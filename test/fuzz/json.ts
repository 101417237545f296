import fc from 'fast-check'
import type { Schema } from '../support/openapi.ts'
import { bodies, values } from './nasty.ts'
import { known, oddText } from './names.ts'

type Json = fc.Arbitrary<string>
/** The JSON of a value below another one; the name is that of its member. */
type Inner = (schema: Schema, name: string) => Json

/** JSON texts that fit the schema, and name what is there. */
export function plainJson (schema: Schema, name = ''): Json {
  return fittingJson(schema, name, plainJson)
}

/** Bodies that are no JSON, or JSON that nearly fits the schema. */
export function oddBody (schema: Schema): fc.Arbitrary<Buffer> {
  return fc.oneof(
    { weight: 1, arbitrary: brokenBody },
    { weight: 3, arbitrary: oddJson(schema, '').map((json) => Buffer.from(json)) }
  )
}

const noise = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes))

export const brokenBody = fc.oneof(fc.constantFrom(...bodies), noise)

/** Now and then a value of another kind, a member too many, one too few. */
function oddJson (schema: Schema, name: string): Json {
  return fc.oneof(
    { weight: 10, arbitrary: fittingJson(schema, name, oddJson) },
    { weight: 1, arbitrary: fc.constantFrom(...values) }
  )
}

function fittingJson (schema: Schema, name: string, inner: Inner): Json {
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((branch) => fittingJson(branch, name, inner)))
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum.map((value) => JSON.stringify(value)))
  const isPlain = inner === plainJson
  switch (schema.type) {
    case 'object': return isPlain ? objectOf(schema, inner) : oddObject(schema, inner)
    case 'array': return fc.array(inner(schema.items ?? {}, name), { minLength: isPlain ? 1 : 0, maxLength: 3 })
      .map((items) => `[${items.join(',')}]`)
    case 'integer': return isPlain ? fc.constantFrom('0', '1', '2', '3', '1000') : edgesOf(schema)
    case 'boolean': return fc.constantFrom('true', 'false')
    case 'null': return fc.constant('null')
    case 'string': return (isPlain ? fc.constantFrom(...known(name)) : fc.oneof(fc.constantFrom(...known(name)), oddText))
      .map((value) => JSON.stringify(value))
    default: return fc.constantFrom(...values)
  }
}

/** Numbers at and beyond what the schema allows, and what a double holds. */
function edgesOf ({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): Json {
  return fc.constantFrom(
    minimum - 1, minimum, maximum - 1, maximum, maximum + 1, 2 ** 32, 2 ** 53, 2 ** 64, 1e21, 1e300, -(2 ** 53), 0.5
  ).map(String)
}

/** All that may be there, some of it, one member alone, or nothing. */
function objectOf ({ properties = {}, required = [] }: Schema, inner: Inner): Json {
  const optional = Object.keys(properties).filter((name) => !required.includes(name))
  const few = fc.subarray(optional, { maxLength: Math.min(1, optional.length) })
  const chosen = fc.oneof(fc.constant(optional), fc.subarray(optional), few)
  return chosen.chain((names) => fc.tuple(...[...required, ...names].map((name) => memberOf(name, properties, inner))))
    .map((members) => `{${members.join(',')}}`)
}

/** Also without what must be there, and with what is not known. */
function oddObject ({ properties = {} }: Schema, inner: Inner): Json {
  const some = fc.subarray(Object.keys(properties))
  const stray = fc.tuple(oddText, fc.constantFrom(...values)).map(([name, value]) => `${JSON.stringify(name)}:${value}`)
  const members = some.chain((names) => fc.tuple(...names.map((name) => memberOf(name, properties, inner))))
  return fc.tuple(members, fc.array(stray, { maxLength: 1 })).map(([made, more]) => `{${[...made, ...more].join(',')}}`)
}

function memberOf (name: string, properties: Record<string, Schema>, inner: Inner): Json {
  return inner(properties[name]!, name).map((value) => `${JSON.stringify(name)}:${value}`)
}
