import { createRequire } from 'node:module'

/** The version of this release, as its package says. */
export const { version } = createRequire(import.meta.url)('changewell/package.json') as { version: string }
