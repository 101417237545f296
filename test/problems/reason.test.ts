import { Ajv } from 'ajv'
import { test } from 'tap'
import { explain, type RequestPart } from '../../plugins/problems/reason.ts'

const ajv = new Ajv({ strict: false, verbose: true })

function told (schema: object, value: unknown, part: RequestPart = 'body') {
  const validate = ajv.compile(schema)
  validate(value)
  return explain(validate.errors!, part)
}

const object = (properties: object, rest: object = {}) => ({ type: 'object', properties, additionalProperties: false, ...rest })

test('a field of a body is a JSON pointer, of another part its name, and the whole has the name of the part', async (t) => {
  const schema = object({ changes: { type: 'array', items: object({ key: { type: 'string' } }) } })
  t.strictSame(told(schema, { changes: [{}, { key: 5 }] }), { field: '/changes/1/key', reason: 'must be a string' })
  t.strictSame(told(schema, 5), { field: 'body', reason: 'must be an object' })
  t.strictSame(told(schema, 5, 'querystring'), { field: 'query', reason: 'must be an object' })
  t.strictSame(told(object({ limit: { type: 'integer' } }), { limit: 'x' }, 'querystring'),
    { field: 'limit', reason: 'must be an integer' })
  t.strictSame(told(object({}), { 'a/b~c': 1 }), { field: '/a~1b~0c', reason: 'is not known here' })
})

test('a parameter that may be given once and is repeated is told so', async (t) => {
  t.strictSame(told(object({ limit: { type: 'integer' } }), { limit: ['1', '2'] }, 'querystring'),
    { field: 'limit', reason: 'must be given only once' })
  t.strictSame(told(object({ tag: { type: 'array', maxItems: 1 } }), { tag: ['1', '2'] }, 'querystring'),
    { field: 'tag', reason: 'must have at most 1 items' })
})

test('each keyword has its words', async (t) => {
  const cases: Array<[schema: object, value: unknown, reason: RegExp | string]> = [
    [{ type: ['string', 'null'] }, 5, 'must be a string or null'],
    [{ enum: ['a', 1] }, 5, 'must be one of "a", 1'],
    [{ const: 'a' }, 5, 'must be "a"'],
    [{ minimum: 1 }, 0, 'must be at least 1'],
    [{ maximum: 1 }, 2, 'must be at most 1'],
    [{ exclusiveMinimum: 1 }, 1, 'must be more than 1'],
    [{ exclusiveMaximum: 1 }, 1, 'must be less than 1'],
    [{ multipleOf: 2 }, 1, 'must be a multiple of 2'],
    [{ minLength: 1 }, '', 'must not be empty'],
    [{ minLength: 2 }, 'a', 'must have at least 2 characters'],
    [{ maxLength: 2 }, 'abc', 'must have at most 2 characters'],
    [{ pattern: '^a$' }, 'b', 'must match the pattern ^a$'],
    [{ minItems: 1 }, [], 'must not be empty'],
    [{ maxItems: 1 }, [1, 2], 'must have at most 1 items'],
    [{ uniqueItems: true }, [1, 2, 1], 'must not hold the same item twice (at 0 and 2)'],
    [{ minProperties: 1 }, {}, 'must have at least 1 members'],
    [{ maxProperties: 0 }, { a: 1 }, 'must have at most 0 members'],
    [{ not: {} }, 1, /./],
    [{ contains: { const: 1 } }, [], /./],
    [{ if: {}, then: false }, 1, /./],
    [{ propertyNames: { maxLength: 1 } }, { ab: 1 }, /./],
    [{ dependencies: { a: ['b'] } }, { a: 1 }, /./],
  ]
  for (const [schema, value, reason] of cases) t.match(told(schema, value).reason, reason, JSON.stringify(schema))
})

test('a missing member is a fault of that member', async (t) => {
  t.strictSame(told(object({ up: {} }, { required: ['up'] }), {}), { field: '/up', reason: 'must be given' })
})

test('of several faults the deepest is told, and choices are told together', async (t) => {
  const schema = { anyOf: [object({ key: { type: 'string' } }), object({ changes: { type: 'array', items: { type: 'object' } } })] }
  t.strictSame(told(schema, { changes: [{}, 7] }), { field: '/changes/1', reason: 'must be an object' })
  t.strictSame(told({ anyOf: [{ const: 'now' }, { type: 'integer' }] }, 'then'),
    { field: 'body', reason: 'must be "now", or an integer' })
})
