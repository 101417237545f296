import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Record, Source } from './record.ts'

interface LockFile {
  packages: { [path: string]: { dev?: boolean, optional?: boolean } }
}

/** What npm has installed here, from its lock file and the packages' own package.json: for systems without apt. */
export async function readNpmPackages (limit: number): Promise<Source> {
  const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as LockFile
  const records: Record[] = []
  for (const [path, locked] of Object.entries(lock.packages).slice(0, limit)) {
    records.push({
      collection: locked.dev === true ? 'development' : locked.optional === true ? 'optional' : 'production',
      // The same package can be installed in several places, each with a version of its own.
      key: path === '' ? 'changewell' : path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      data: JSON.stringify({ path, locked, package: await readPackage(path) }),
    })
  }
  return { name: 'package-lock.json and what it has installed', tenant: 'npm', records }
}

/** Null when it is not installed, as with optional packages for other systems. */
async function readPackage (path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(path, 'package.json'), 'utf8'))
  } catch {
    return null
  }
}
