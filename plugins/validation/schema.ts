/** What this folder looks at in a JSON schema. */
export interface Schema {
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: unknown
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  const?: unknown
  enum?: unknown[]
  [keyword: string]: unknown
}

/** The schemas of which a value must match one; a schema without a choice is its own only branch. */
export function branches (schema: Schema): Schema[] {
  const choice = schema.anyOf ?? schema.oneOf
  return choice === undefined ? [schema] : choice.flatMap(branches)
}
