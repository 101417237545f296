import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { project } from './node.ts'

const run = promisify(execFile)

/**
 * Compiles the node into a folder of the test, for tests that start it many times: it then starts in a third of the
 * time. Types are not checked here. Returns the arguments with which Node runs it.
 */
export async function build (t: Test): Promise<string[]> {
  // Inside the project, so that its packages are found.
  const directory = t.testdir()
  const compiler = join(project, 'node_modules/typescript/bin/tsc')
  await run(process.execPath, [
    compiler, '-p', join(project, 'tsconfig.build.json'), '--outDir', directory, '--noCheck',
    '--declaration', 'false', '--sourceMap', 'false',
  ])
  return [join(directory, 'app/main.js')]
}
