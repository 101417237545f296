import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../support/project.ts'

export interface Instruction {
  word: string
  /** The rest, with continued lines joined. */
  text: string
}

/** The stages of deploy/docker/Dockerfile, by what each does. */
export function dockerfile (): Instruction[][] {
  const lines = readFileSync(join(project, 'deploy/docker/Dockerfile'), 'utf8').split('\n').filter((line) => !line.startsWith('#'))
  const stages: Instruction[][] = []
  for (const line of lines.join('\n').replaceAll('\\\n', ' ').split('\n')) {
    const [, word, text] = /^([A-Z]+) +(.*)$/.exec(line) ?? []
    if (word === undefined) continue
    if (word === 'FROM') stages.push([])
    stages.at(-1)!.push({ word, text: text!.replaceAll(/ +/g, ' ') })
  }
  return stages
}

/** What the one instruction of that kind says. */
export function said (stage: readonly Instruction[], word: string): string {
  const found = stage.filter((each) => each.word === word)
  if (found.length !== 1) throw new Error(`${found.length} times ${word}`)
  return found[0]!.text
}

/** What ENV sets. */
export function environmentOf (stage: readonly Instruction[]): Record<string, string> {
  return Object.fromEntries(said(stage, 'ENV').split(' ').map((pair) => pair.split('=') as [string, string]))
}

/** The files of the context that the image is built from: those that the ignore file lets through. */
export function context (): string[] {
  const lines = readFileSync(join(project, 'deploy/docker/Dockerfile.dockerignore'), 'utf8').split('\n').filter((line) => /^[^#]/.test(line))
  const [all, ...kept] = lines
  if (all !== '*' || kept.some((line) => !/^![\w.-]+$/.test(line))) throw new Error('only names after * are understood here')
  return kept.map((line) => line.slice(1))
}
