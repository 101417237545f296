/** An answer of the API server that is no success: a Status object. */
export class Failure extends Error {
  readonly code: number
  readonly reason: string

  constructor (code: number, reason: string, message: string) {
    super(message)
    this.code = code
    this.reason = reason
  }

  get status (): object {
    const { code, reason, message } = this
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }
  }
}
