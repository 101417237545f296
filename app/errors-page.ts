import type { ExplainedError } from '../plugins/docs/index.ts'
import { entryOf } from '../plugins/problems/table.ts'
import type { ProblemCode } from '../storage/problem.ts'
import { errors } from './errors.ts'

/** All errors as people read about them, each with an example. */
export function explainedErrors (): ExplainedError[] {
  return (Object.keys(errors) as ProblemCode[]).map((code) => {
    const { status, title, detail, example } = entryOf(errors, code)
    return { code, status, title, detail: detail(example), members: Object.keys(example) }
  })
}

/** All errors as the page docs/reference/errors.md. */
export function errorsPage (): string {
  const sections = explainedErrors().map(({ code, status, title, detail, members }) => [
    `## ${code}`,
    '',
    `**${status}** ${title}`,
    '',
    `> ${detail}`,
    '',
    `It carries ${members.map((member) => `\`${member}\``).join(', ')}.`,
    '',
  ].join('\n'))
  return [
    '# Errors',
    '',
    'Every error is a problem document (RFC 9457, `application/problem+json`) with one of these codes. A code never changes',
    'its meaning, and `detail` says what happened and what to do. Each is shown with an example of its detail and with the',
    'members that it has beside `type`, `title`, `status`, `detail`, `code` and `instance` (the id of the request). What',
    'refuses one change of several has also `pointer`, a JSON pointer into the body: `/changes/3`, `/then/0`.',
    '',
    ...sections,
    'This page is made from `app/errors.ts` by `npm run docs`.',
    '',
  ].join('\n')
}
