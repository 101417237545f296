import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { program as built } from '../support/build.ts'
import { project } from '../support/project.ts'

export interface Running {
  child: ChildProcess
  /** What it has written so far. */
  output: { stdout: string, stderr: string }
  /** Waits for words on its standard output, and gives back all of that; fails when the process ends without them. */
  says (words: RegExp): Promise<string>
  /** Waits for its end. */
  ended: Promise<Ended>
}

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** The program and its first arguments, and the folder to run it in. */
export interface Place {
  program: [string, ...string[]]
  cwd: string
}

function builtHere (): Place {
  return { program: [process.execPath, built()], cwd: project }
}

/** Starts `changewell` with arguments and settings as a process of its own, which ends with the test at the latest. */
export function start (
  t: Test, args: string[], settings: Record<string, string> = {}, place: Place = builtHere()
): Running {
  const { program: [program, ...first], cwd } = place
  const child = spawn(program, [...first, ...args],
    { cwd, env: { PATH: process.env.PATH, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => { output.stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { output.stderr += text })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }))
  async function says (words: RegExp): Promise<string> {
    while (!words.test(output.stdout)) {
      const end = await Promise.race([once(child.stdout, 'data').then(() => null), ended])
      if (end !== null && !words.test(output.stdout)) throw new Error(`it ended with ${end.code}: ${end.stderr}${end.stdout}`)
    }
    return output.stdout
  }
  return { child, output, says, ended }
}

/** Runs `changewell` to its end. */
export function run (t: Test, args: string[], settings: Record<string, string> = {}): Promise<Ended> {
  return start(t, args, settings).ended
}

/** A folder that goes when the test ends. */
export function folder (t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'changewell-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}
