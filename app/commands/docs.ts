import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorsPage } from '../errors-page.ts'
import { settingsPage } from '../settings-table.ts'

export const help = `Usage: changewell docs [folder]

Writes the reference pages that are made from the program itself into a folder (docs/reference).
`

/** The pages of docs/reference that are made from the program, by file name. */
export function referencePages (): Record<string, string> {
  return { 'settings.md': settingsPage(), 'errors.md': errorsPage() }
}

/** `changewell docs`. Resolves to the exit code. */
export async function run ([folder = join('docs', 'reference')]: string[]): Promise<number> {
  await mkdir(folder, { recursive: true })
  for (const [name, text] of Object.entries(referencePages())) {
    await writeFile(join(folder, name), text)
    process.stdout.write(`${join(folder, name)}\n`)
  }
  return 0
}
