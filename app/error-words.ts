/** What sentences about errors have in common. */

/** A write of the cluster's own has no receipt. */
export function askFor (receipt: string | undefined): string {
  const repeat = 'Repeating it with the same Idempotency-Key is safe; without one, look before you repeat it.'
  return receipt === undefined ? repeat : `GET /receipts/${receipt} tells what became of it, through any node. ${repeat}`
}

export function locationOf (receipt: string | undefined): Record<string, string> {
  return receipt === undefined ? {} : { location: `/receipts/${receipt}` }
}

export function retryAfter (seconds: number): Record<string, string> {
  return { 'retry-after': String(seconds) }
}

export function quoted (name: string): string {
  return JSON.stringify(name)
}

/** A reason comes as a clause, with or without its full stop. */
export function ended (reason: string): string {
  return /[.!?]$/.test(reason) ? reason : `${reason}.`
}

export function roleOn (role: string, tenant: string | null): string {
  if (role === 'any') return 'any role'
  if (role !== 'read' && role !== 'write') return `the role ${role}`
  return `the role ${role} on ${tenant === null ? 'anything' : tenant === '*' ? 'all tenants ("*")' : `the tenant ${quoted(tenant)}`}`
}

/** Why a certificate that was shown did not help; nothing where that is not so. */
export function namesNobody (subject: string | undefined): string {
  if (subject === undefined) return ''
  const shown = subject === '' ? 'without a subject' : subject
  return `The client certificate (${shown}) names nobody: it has neither one common name nor an alternative name. `
}
