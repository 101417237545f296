import type { ProblemCode, Problems } from '../../storage/problem.ts'

/** How one code is shown. */
export interface ErrorEntry<Code extends ProblemCode> {
  /** The HTTP status. */
  status: number
  /** The same for every problem of this code. */
  title: string
  /** What happened, and what to do. */
  detail: (params: Problems[Code]) => string
  /** Response headers beside the usual ones. */
  headers?: (params: Problems[Code]) => Record<string, string>
  /** Facts such as the problem carries, for the reference page. */
  example: Problems[Code]
}

/** An entry for each code: a code without one does not compile. */
export type ErrorTable = { readonly [Code in ProblemCode]: ErrorEntry<Code> }

/** The entry of any code, for code that does not know which one it handles. */
export function entryOf (errors: ErrorTable, code: ProblemCode): ErrorEntry<ProblemCode> {
  return errors[code] as unknown as ErrorEntry<ProblemCode>
}
