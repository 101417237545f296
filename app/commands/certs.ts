import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { authorities, CertificateFolder, CertificatesError, hostFault, type LeafWish } from '../certificates/folder.ts'

export const help = `Usage: changewell certs <what> [options]

  init                       two authorities: ca, for servers and clients, and cluster-ca, for nodes among themselves
  server [<host>...]         a certificate that a node shows to clients, for these host names and addresses
  client <name>              a certificate that a client shows; the policy knows it by this name
  peer [<host>...]           a certificate that a node shows to other nodes
      --id <id>                ties it to a node id (16 hex digits), too

Options:
  --dir <folder>             where authorities and certificates are (certs)
  --file <name>              name of the files (server, peer, or the client's name)
  --days <number>            how long it is good (365; authorities 3650)
  --force                    replaces files that are there

Keys are on the curve P-256; their files are for their owner alone. Without hosts, a certificate is for localhost,
127.0.0.1, ::1 and the name of this machine.
`

const options = {
  dir: { type: 'string', default: 'certs' },
  file: { type: 'string' },
  days: { type: 'string' },
  id: { type: 'string' },
  force: { type: 'boolean', default: false },
} as const

/** `changewell certs`. Resolves to the exit code. */
export async function run (args: string[]): Promise<number> {
  let parsed
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    return wrong((error as Error).message)
  }
  const { values, positionals: [what = '', ...names] } = parsed
  const fault = faultOf(what, names, values)
  if (fault !== null) return wrong(fault)
  const folder = new CertificateFolder(values.dir)
  const days = values.days === undefined ? {} : { days: Number(values.days) }
  try {
    if (what === 'init') {
      await folder.init({ isForced: values.force, ...days })
      const [ca, cluster] = Object.keys(authorities).map((file) => folder.path(file))
      process.stdout.write(`${ca}.pem signs for servers and clients, ${cluster}.pem for nodes among themselves. Whoever has ${ca}.key or\n` +
        `${cluster}.key can make certificates: keep them away from the machines that run nodes.\n`)
      return 0
    }
    const wish: LeafWish = { days: 365, ...wishFor(what, names, values.id), ...days }
    if (values.file !== undefined) wish.file = values.file
    const until = await folder.make(wish, values.force)
    process.stdout.write(told(what, wish, folder, until))
    return 0
  } catch (error) {
    if (!(error instanceof CertificatesError)) throw error
    process.stderr.write(`changewell: ${error.message}\n`)
    return 1
  }
}

function faultOf (
  what: string, names: readonly string[], values: { file?: string, days?: string, id?: string }
): string | null {
  if (!['init', 'server', 'client', 'peer'].includes(what)) return what === '' ? 'Which certificate?' : `There is no certs ${what}.`
  if (what === 'init' && names.length > 0) return 'init takes no names.'
  if (what === 'client' && (names.length !== 1 || names[0] === '' || names[0]!.length > 64)) return 'client needs one name, of at most 64 characters.'
  const hostFaults = what === 'server' || what === 'peer' ? names.flatMap((name) => hostFault(name) ?? []) : []
  if (hostFaults.length > 0) return `${hostFaults.join('; ')}.`
  if (values.id !== undefined && (what !== 'peer' || !/^[0-9a-f]{16}$/.test(values.id))) return '--id is for peers, and is 16 hex digits.'
  if (values.days !== undefined && !/^[1-9]\d{0,4}$/.test(values.days)) return '--days needs a number from 1 to 99999.'
  const file = values.file ?? (what === 'client' ? names[0]! : 'good')
  if (!/^[A-Za-z0-9][A-Za-z0-9._@-]*$/.test(file)) return `${JSON.stringify(file)} cannot be the name of a file; give another with --file.`
  // Some file systems make no difference between ca and CA.
  const taken = file.toLowerCase()
  if (taken in authorities) return `${file} is the name of an authority; name the files otherwise with --file.`
  return taken !== what && ['server', 'peer'].includes(taken)
    ? `${file} is the name of what certs ${taken} makes; name the files of this ${what} otherwise with --file.`
    : null
}

type Wish = Omit<LeafWish, 'days'>

function wishFor (what: string, given: readonly string[], id: string | undefined): Wish {
  if (what === 'client') return { file: given[0]!, authority: 'ca', commonName: given[0]!, names: [], usages: ['clientAuth'] }
  const own = hostname()
  const local = ['localhost', '127.0.0.1', '::1', ...hostFault(own) === null && own !== 'localhost' ? [own] : []]
  const hosts = given.length > 0 ? given : local
  const commonName = hosts[0]!.slice(0, 64)
  if (what === 'server') return { file: 'server', authority: 'ca', commonName, names: hosts, usages: ['serverAuth'] }
  const names = id === undefined ? hosts : [...hosts, `urn:changewell:node:${id}`]
  return { file: 'peer', authority: 'cluster-ca', commonName, names, usages: ['serverAuth', 'clientAuth'] }
}

/** What was made, and the settings that use it. */
function told (what: string, { file, commonName, names }: LeafWish, folder: CertificateFolder, until: Date): string {
  const path = (name: string): string => folder.path(name)
  const [pem, key] = [path(`${file}.pem`), path(`${file}.key`)]
  const made = `${pem} and ${key} are for ${what === 'client' ? commonName : names.join(', ')}, until ${until.toISOString().slice(0, 10)}.\n`
  const settings = {
    server: [`CHANGEWELL_TLS_CERT=${pem}`, `CHANGEWELL_TLS_KEY=${key}`],
    client: [`curl --cacert ${path('ca.pem')} --cert ${pem} --key ${key} https://localhost:9000/cluster`],
    peer: [`CHANGEWELL_PEER_TLS_CERT=${pem}`, `CHANGEWELL_PEER_TLS_KEY=${key}`, `CHANGEWELL_PEER_TLS_CA=${path('cluster-ca.pem')}`],
  }[what] ?? []
  return `${made}${settings.map((line) => `  ${line}\n`).join('')}`
}

function wrong (reason: string): number {
  process.stderr.write(`changewell: ${reason}\n\n${help}`)
  return 2
}
