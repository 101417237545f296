import assert from 'node:assert/strict'
import { errors } from '../../app/errors.ts'

export interface Seen {
  status: number
  headers: Record<string, unknown>
  text: string
  body: any
}

/**
 * What every answer of the API has, whatever was asked: the revision of the database, the request's id, and where it
 * is a refusal a whole problem document (RFC 9457).
 *
 * @throws AssertionError
 */
export function checkManners ({ status, headers, text, body }: Seen, method: string): void {
  assert.match(String(headers['changewell-revision']), /^(0|[1-9][0-9]*)$/, 'Changewell-Revision')
  assert.match(String(headers['x-request-id']), /^[A-Za-z0-9._~:/+=@-]{1,128}$/, 'X-Request-Id')
  if (status === 304) assert.equal(text, '', 'no body with 304')
  // Whatever is sent as the body of an answer to HEAD, Node drops on its way.
  else if (status >= 400 && method !== 'HEAD') checkProblem(status, headers, body)
}

/** The problem document itself; also what comes over a socket that no request ever came from. */
export function checkProblem (status: number, headers: Record<string, unknown>, body: any): void {
  assert.equal(headers['content-type'], 'application/problem+json')
  assert.equal(headers['cache-control'], 'no-store')
  assert.ok(Object.hasOwn(errors, body.code), `the code ${body.code} is in the table`)
  assert.equal(body.type, `/documentation/errors#${body.code}`)
  assert.equal(body.status, status)
  for (const member of ['title', 'detail']) assert.ok(body[member]?.length > 10, `a ${member}`)
  assert.match(body.detail, /[.!?]$/, 'a detail is whole sentences')
  if (headers['x-request-id'] !== undefined) assert.equal(body.instance, headers['x-request-id'])
  if (status === 503 || status === 429) assert.match(String(headers['retry-after']), /^[1-9][0-9]*$/, 'Retry-After')
}
