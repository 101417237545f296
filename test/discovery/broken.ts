import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { folder } from '../support/node.ts'

/**
 * The path of a module whose provider, called `broken`, forms the cluster at once and does all else as it should, but
 * for the methods that the text has, written as in an object. They find what `open` is given as `context`.
 */
export function brokenProvider (t: Test, methods: string): string {
  const path = join(folder(t), 'broken.mjs')
  writeFileSync(path, `export default async (context) => ({
    name: 'broken',
    decidesAlone: false,
    claim: async () => ({ forms: true }),
    candidates: async () => [],
    resolve: async () => null,
    watch: () => () => {},
    publish: async () => {},
    advertise: async ({ peer, api }) => (
      { peerAddress: \`127.0.0.1:\${peer.port}\`, apiAddress: \`127.0.0.1:\${api.port}\`, reason: 'it listens there' }),
    close: async () => {},
    ${methods}
  })\n`)
  return path
}
