import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../support/project.ts'

/** The source of the provider that docs/operating/discovery.md shows. */
export function documentedProvider (): string {
  const page = readFileSync(join(project, 'docs/operating/discovery.md'), 'utf8')
  const [, code] = /```js\n(\/\/ shared-folder\.mjs.*?)```/s.exec(page) ?? []
  if (code === undefined) throw new Error('docs/operating/discovery.md shows no provider')
  return code
}
