import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { test } from 'tap'
import { parse } from 'yaml'
import { chartDir, renderedDir } from './objects.ts'

interface Schema {
  additionalProperties?: boolean
  properties?: Record<string, Schema>
}

type Values = Record<string, unknown>

const schema = JSON.parse(readFileSync(join(chartDir, 'values.schema.json'), 'utf8')) as Schema
const read = (path: string): Values => parse(readFileSync(path, 'utf8'), { version: '1.1' }) as Values
const values = read(join(chartDir, 'values.yaml'))

test('the schema of the chart\'s values has each of them, and no other', async (t) => {
  // Helm gives a chart that is part of another one the values that all share.
  const { global, ...own } = schema.properties!
  t.ok(global)
  t.same(differencesOf({ ...schema, properties: own }, values), [])
})

test('the schema takes the values that the chart is rendered with', async (t) => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(schema)
  for (const path of [join(chartDir, 'values.yaml'), ...['everything', 'awkward'].map((name) => join(renderedDir, `${name}.values`))]) {
    t.ok(validate(read(path)), `${path}: ${JSON.stringify(validate.errors)}`)
  }
})

test('helm refuses values that there are not, or that are something else, and says which', async (t) => {
  const refusals = readFileSync(join(renderedDir, 'refusals'), 'utf8')
  for (const [wrong, words] of [
    ['replica=5', /Additional property replica is not allowed/], ['tls.api.enable=true', /tls\.api: Additional property enable is not allowed/],
    ['replicas=three', /replicas: Invalid type\. Expected: integer/], ['ports.api=70000', /ports\.api: Must be less than or equal to 65535/],
    ['antiAffinity=none', /antiAffinity.* must be one of/], ['env[0].name=A,env[0].value=1', /env\.0\.value: Invalid type\. Expected: string/],
    ['auth.tokens=tokens', /set auth\.secretName/], ['auth.secretName=access', /auth\.htpasswd, auth\.tokens or auth\.policy/],
  ] as const) {
    const said = refusals.split('--set ').find((part) => part.startsWith(`${wrong}\n`))
    t.match(said, words, wrong)
  }
})

/** What differs between a schema and values, as paths; a map that takes any names ends the search. */
function differencesOf ({ properties, additionalProperties }: Schema, values: Values, path = ''): string[] {
  if (properties === undefined) return []
  const differences = additionalProperties === false ? [] : [`${path}* is taken`]
  for (const name of new Set([...Object.keys(properties), ...Object.keys(values)])) {
    if (properties[name] === undefined) differences.push(`${path}${name} is not in the schema`)
    else if (!(name in values)) differences.push(`${path}${name} is not among the values`)
    else differences.push(...differencesOf(properties[name], values[name] as Values, `${path}${name}.`))
  }
  return differences
}
