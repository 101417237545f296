import { branches, type Schema } from './schema.ts'

type Coerce = (text: string) => unknown

/**
 * Turns texts of a query, a path or headers into what the schema asks for, in place: plain decimal numbers, `true` and
 * `false`, and one text into an array of one where the parameter may be repeated. Anything else stays a text, and the
 * schema then refuses it. Ajv's own coercion would take `1e3`, `0x10` and ` 5` for numbers.
 */
export function buildCoercion (schema: Schema): (data: Record<string, unknown>) => void {
  const steps = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const step = buildStep(property)
    return step === null ? [] : [[name, step] as const]
  })
  return (data) => {
    for (const [name, step] of steps) {
      const value = data[name]
      if (value !== undefined) data[name] = step(value)
    }
  }
}

function buildStep (schema: Schema): ((value: unknown) => unknown) | null {
  const array = branches(schema).find(({ type }) => type === 'array')
  const coerce = buildCoerce(array === undefined ? schema : array.items ?? {})
  if (array !== undefined) return (value) => (Array.isArray(value) ? value : [value]).map((item) => one(item, coerce))
  return coerce === null ? null : (value) => one(value, coerce)
}

function one (value: unknown, coerce: Coerce | null): unknown {
  return typeof value === 'string' && coerce !== null ? coerce(value) : value
}

function buildCoerce (schema: Schema): Coerce | null {
  const types = branches(schema).flatMap(typesOf)
  const numeric = types.includes('integer') || types.includes('number')
  // A whole number is written as one: `1.0` is another text for it, and an address of its own.
  const pattern = types.includes('number') ? /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/ : /^-?(0|[1-9][0-9]*)$/
  const boolean = types.includes('boolean')
  // Where any text is welcome there is nothing to tell a number by.
  if (types.includes('text') || !(numeric || boolean)) return null
  return (text) => {
    if (boolean && (text === 'true' || text === 'false')) return text === 'true'
    return numeric && pattern.test(text) ? toNumber(text) : text
  }
}

function typesOf (schema: Schema): string[] {
  if (schema.const !== undefined) return [typeof schema.const]
  if (schema.enum !== undefined) return schema.enum.map((value) => typeof value)
  const types = schema.type === undefined ? ['text'] : [schema.type].flat()
  return types.map((type) => type === 'string' ? 'text' : type)
}

function toNumber (text: string): unknown {
  const number = Number(text)
  const exact = Number.isInteger(number) ? Number.isSafeInteger(number) : Number.isFinite(number)
  return exact ? number : text
}
