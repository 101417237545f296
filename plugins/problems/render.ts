import type { Problem } from '../../storage/problem.ts'
import { entryOf, type ErrorTable } from './table.ts'

export const problemMediaType = 'application/problem+json'

/** Where the code is explained: the type is a link, and a name that stays the same. */
export const problemTypePrefix = '/documentation/errors#'

export interface RenderedProblem {
  status: number
  headers: Record<string, string>
  /** JSON text. */
  body: string
}

/**
 * A problem as RFC 9457 wants it: the standard members, then `code` and the facts as extension members.
 *
 * @param instance the id of the request, where there is one
 */
export function renderProblem (errors: ErrorTable, problem: Problem, instance?: string): RenderedProblem {
  const entry = entryOf(errors, problem.code)
  return {
    status: entry.status,
    headers: { 'content-type': problemMediaType, 'cache-control': 'no-store', ...entry.headers?.(problem.params) },
    body: JSON.stringify({
      type: problemTypePrefix + problem.code,
      title: entry.title,
      status: entry.status,
      detail: entry.detail(problem.params),
      code: problem.code,
      instance,
      pointer: problem.pointer,
      ...problem.params,
    }),
  }
}
