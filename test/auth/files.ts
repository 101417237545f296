import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from '@node-rs/bcrypt'
import type { Test } from 'tap'
import { folder } from '../support/node.ts'

/** Hashes with the least cost, because tests need no strength. Apache's htpasswd writes `$2y$`. */
export function passwordLine (name: string, password: string): string {
  return `${name}:${hashSync(password, 4).replace('$2b$', '$2y$')}\n`
}

export function basic (name: string, password = name): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

/** The token of an identity in tests. */
export function tokenOf (name: string): string {
  return `${name}-${'0123456789'.repeat(3)}`
}

export function bearer (name: string): { authorization: string } {
  return { authorization: `Bearer ${tokenOf(name)}` }
}

export interface Files {
  /** The settings that name them. */
  config: { authHtpasswd?: string, authTokens?: string, authPolicy?: string }
  /** Writes one of them anew. */
  write: (which: 'passwords' | 'tokens' | 'policy', text: string) => string
}

export interface FilesOptions {
  /** Whose password is their name. */
  users?: string[]
  /** Who have a token. */
  tokens?: string[]
  policy?: object
}

/** Files of credentials and a policy, as far as they are given, in a folder of the test. */
export function files (t: Test, { users, tokens, policy }: FilesOptions): Files {
  const directory = folder(t)
  const write: Files['write'] = (which, text) => {
    const path = join(directory, which)
    writeFileSync(path, text)
    return path
  }
  const config: Files['config'] = {}
  if (users !== undefined) config.authHtpasswd = write('passwords', users.map((name) => passwordLine(name, name)).join(''))
  if (tokens !== undefined) config.authTokens = write('tokens', tokens.map((name) => `${tokenOf(name)} ${name}\n`).join(''))
  if (policy !== undefined) config.authPolicy = write('policy', JSON.stringify(policy))
  return { config, write }
}
