import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { ConfchangePlayer } from './confchange.ts'
import { parseTranscript } from './datadriven.ts'
import type { Command } from './datadriven.ts'
import { divergences } from './divergences.ts'
import { InteractionPlayer } from './interaction.ts'
import { playQuorum } from './quorum.ts'

const root = resolve(import.meta.dirname, '../../..')

/** Where the transcripts lie. They are read there: they are not ours. */
export const folder = resolve(root, process.env['RAFT_CONFORMANCE'] ?? '../shared/conformance/etcd-raft')

export interface Difference {
  command: Command
  expected: string
  actual: string
  /** Why it must differ, where that is known. */
  reason: string | undefined
}

export interface FileResult {
  file: string
  commands: number
  differences: Difference[]
}

/** Every transcript in the folder and below; null where there is no such folder. */
export function transcripts (): string[] | null {
  if (!existsSync(folder)) return null
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => /^----$/m.test(readFileSync(join(folder, file), 'utf8')))
    .sort()
}

/** Plays a transcript from its first command to its last, whatever differs on the way. */
export function playFile (file: string): FileResult {
  const commands = parseTranscript(readFileSync(join(folder, file), 'utf8'))
  const play = playerFor(commands)
  const differences: Difference[] = []
  for (const command of commands) {
    const expected = withoutLog(command.expected)
    const actual = play(command)
    if (actual === expected) continue
    const reason = divergences.find((known) => known.file === file && known.command === command.text)?.reason
    differences.push({ command, expected, actual, reason })
  }
  return { file, commands: commands.length, differences }
}

/** A transcript speaks one of three languages, which have no command in common. */
function playerFor (commands: readonly Command[]): (command: Command) => string {
  const has = (...names: string[]): boolean => commands.some(({ name }) => names.includes(name))
  if (has('committed', 'vote')) return playQuorum
  const player = has('simple', 'enter-joint', 'leave-joint') ? new ConfchangePlayer() : new InteractionPlayer()
  return (command) => player.play(command)
}

/** What the transcript's implementation logs is its own affair. */
function withoutLog (expected: string): string {
  const lines = expected.split('\n').filter((line) => !/^\s*(DEBUG|INFO|WARN|ERROR|FATAL)\b/.test(line))
  return lines.join('\n').trimEnd() || 'ok'
}
