import assert from 'node:assert/strict'
import { checkManners, type Seen } from '../api/manners.ts'
import { answerOf, type DescribedRoute, type Schemas } from '../support/openapi.ts'

/**
 * No request may make the node fail, and every answer is one that the document describes.
 *
 * @throws AssertionError
 */
export function checkAnswer (
  schemas: Schemas, route: DescribedRoute, { method, path }: { method: string, path: string }, seen: Seen
): void {
  const { status, text, body } = seen
  // What was sent before may have taken the node out of service.
  const isDrained = status === 503 && route.path === '/readyz'
  assert.ok(status < 500 || isDrained, `${method} ${route.path} gave ${status}: ${text.slice(0, 300)}`)
  checkManners(seen, method)
  if (method !== route.method || !leadsTo(path, route.path) || text === '') return
  const described = answerOf(route.operation, status)
  if (status < 400 && described === undefined) return
  const type = String(seen.headers['content-type']).split(';')[0]!
  const content = described?.content?.[type]
  assert.ok(content !== undefined, `${method} ${route.path} gave ${status} as ${type}, which is not described`)
  if (typeof body !== 'string') assert.equal(schemas.fault(content.schema, body), null, `${method} ${route.path}: ${text.slice(0, 300)}`)
}

/** A path that was bent leads to another route, or to none. */
function leadsTo (path: string, pattern: string): boolean {
  const segments = path.split('/')
  const wanted = pattern.split('/')
  return segments.length === wanted.length && wanted.every((name, at) => name.startsWith('{') || name === segments[at])
}
