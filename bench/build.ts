import { spawnSync } from 'node:child_process'

/**
 * The folder of the build to run: the one that was asked for, or `dist`, built now.
 *
 * @throws Error when the build fails; it has said why by then.
 */
export function builtFolder (wanted: string | undefined): string {
  if (wanted !== undefined) return wanted
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) throw new Error('the project could not be built')
  return 'dist'
}
