import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../support/project.ts'

/** The source of the provider that docs/operating/discovery.md shows. */
export function documentedProvider (): string {
  return documented('shared-folder.mjs')
}

/** The source of the test that it shows for that. */
export function documentedContract (): string {
  return documented('shared-folder.test.mjs')
}

function documented (name: string): string {
  const page = readFileSync(join(project, 'docs/operating/discovery.md'), 'utf8')
  const code = page.split('```').find((text) => text.startsWith(`js\n// ${name}:`))
  if (code === undefined) throw new Error(`docs/operating/discovery.md shows no ${name}`)
  return code.slice('js\n'.length)
}
