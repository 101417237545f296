import type { Schema } from './schema.ts'

/**
 * Throws when an object in the schema does not say whether it takes members that it does not name. Without this a
 * misspelt parameter would be ignored in silence, and the OpenAPI document would not tell.
 */
export function requireClosed (schema: Schema, place: string): void {
  if (typeof schema !== 'object' || schema === null) return
  if (schema.properties !== undefined && schema.additionalProperties === undefined && schema.allOf === undefined &&
    schema.unevaluatedProperties === undefined) {
    throw new Error(`the schema of ${place} must say additionalProperties: false (or true)`)
  }
  const inner = [
    ...Object.entries(schema.properties ?? {}).map(([name, value]) => [name, value] as const),
    ...[schema.items ?? []].flat().map((value) => ['items', value] as const),
    ...[...schema.anyOf ?? [], ...schema.oneOf ?? []].map((value) => ['a branch', value] as const),
  ]
  for (const [name, value] of inner) requireClosed(value, `${place} (${name})`)
}
