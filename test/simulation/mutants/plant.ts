import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { project } from '../../support/project.ts'
import type { Mutant } from './mutant.ts'

const source = join(project, 'plugins/raft')

/**
 * Copies the core, the driver and the state machine into the folder, and puts the mistake into the copy (decision 13).
 *
 * @throws Error when the text to be replaced is not there exactly once: the mutant must follow the code
 */
export async function plant ({ name, edits }: Mutant, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
  await cp(join(source, 'core'), join(folder, 'core'), { recursive: true })
  await cp(join(source, 'driver.ts'), join(folder, 'driver.ts'))
  await cp(join(project, 'storage'), join(folder, 'storage'), { recursive: true })
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'), 'junction')
  for (const { file, find, replace } of edits) {
    const path = join(folder, file)
    const parts = (await readFile(path, 'utf8')).split(find)
    if (parts.length !== 2) {
      throw new Error(`mutant "${name}": its text is ${parts.length - 1} times in ${file}, and must be there once`)
    }
    await writeFile(path, parts.join(replace))
  }
}
