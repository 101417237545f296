import { authorities, CertificateFolder, CertificatesError, type AuthorityName, type LeafWish } from './folder.ts'

/** Certificates are made anew when fewer days are left of them; authorities are told of. */
const renewDays = 60

const names = ['localhost', '127.0.0.1', '::1']

const leaves: LeafWish[] = [
  { file: 'server', authority: 'ca', commonName: 'localhost', names, usages: ['serverAuth'], days: 365 },
  { file: 'peer', authority: 'cluster-ca', commonName: 'localhost', names, usages: ['serverAuth', 'clientAuth'], days: 365 },
  { file: 'admin', authority: 'ca', commonName: 'admin', names: [], usages: ['clientAuth'], days: 365 },
]

export interface ClusterCertificates {
  folder: CertificateFolder
  /** A sentence for each authority that expires soon. */
  warnings: string[]
}

/**
 * The certificates of a cluster on this machine: for clients, for nodes among themselves, and for whoever calls them.
 * What is missing, or not good for long, is made; authorities that are there stay, because somebody trusts them.
 *
 * @throws {CertificatesError} when an authority has expired
 */
export async function clusterCertificates (directory: string): Promise<ClusterCertificates> {
  const folder = new CertificateFolder(directory)
  const files = Object.keys(authorities) as AuthorityName[]
  const held = await Promise.all(files.flatMap((file) => [folder.has(`${file}.pem`), folder.has(`${file}.key`)]))
  if (held.includes(false)) await folder.init({ isForced: true })
  const warnings: string[] = []
  for (const file of files) {
    const days = await folder.daysLeft(file, file)
    if (days >= renewDays) continue
    const sentence = `The authority ${folder.path(`${file}.pem`)} ${days < 0 ? 'has expired, or is damaged' : `expires in ${Math.floor(days)} days`}. ` +
      `Delete ${directory}: the next start makes everything in it anew, and clients must trust the new ca.pem.`
    if (days < 0) throw new CertificatesError(sentence)
    warnings.push(sentence)
  }
  for (const leaf of leaves) {
    if (await folder.daysLeft(leaf.file, leaf.authority) < renewDays) await folder.make(leaf, true)
  }
  return { folder, warnings }
}
