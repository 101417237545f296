import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** PEM files for servers of the loopback address: what clients see, and what members of a cluster show each other. */
export interface Certificates {
  /** The authority of `server`, as text. */
  ca: string
  server: { cert: string, key: string }
  peer: { cert: string, key: string, ca: string }
}

/** Makes them in the folder with `changewell certs` of the build, for all who take part. */
export async function makeCertificates (dist: string, folder: string): Promise<Certificates> {
  for (const what of ['init', 'server', 'peer']) {
    await run(process.execPath, [resolve(dist, 'app/main.js'), 'certs', what, '--dir', folder])
  }
  const pair = (name: string): { cert: string, key: string } => (
    { cert: resolve(folder, `${name}.pem`), key: resolve(folder, `${name}.key`) })
  return {
    ca: await readFile(join(folder, 'ca.pem'), 'utf8'),
    server: pair('server'),
    peer: { ...pair('peer'), ca: resolve(folder, 'cluster-ca.pem') },
  }
}
