/** All that is wrong with certificates, keys and the settings about them. The message tells the operator everything. */
export class TlsFaults extends Error {
  /** For whoever explains why a node does not start. */
  readonly code = 'TLS_FILES'
  readonly faults: readonly string[]

  constructor (faults: readonly string[]) {
    super(`TLS cannot be set up:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.name = 'TlsFaults'
    this.faults = faults
  }
}
