import { STATUS_CODES } from 'node:http'
import { withDeadline } from '../../discovery/deadline.ts'
import type { Webhook } from '../../storage/types.ts'

/** Passed: the hook answered 200. Failed: it did not answer. */
export type Verdict =
  { result: 'passed' } |
  { result: 'rejected', reason: string } |
  { result: 'failed', reason: string }

/** So much of an answer is read, and so much of a reason shown. */
const answerBytesMax = 8 * 1024
const reasonLengthMax = 500

/**
 * Asks one hook about a change. Never throws. A redirect is not followed: its answer is not 200, and what was sent is
 * not for just anybody.
 */
export async function callHook (
  { url, headers, timeoutMs }: Pick<Webhook, 'url' | 'headers' | 'timeoutMs'>, body: Buffer, signal: AbortSignal
): Promise<Verdict> {
  try {
    return await withDeadline(timeoutMs, signal, (limited) => ask(url, headers, body, limited))
  } catch (error) {
    const { name } = error as Error
    const reason = name === 'TimeoutError' ? `it did not answer within ${timeoutMs} ms` : `it cannot be asked: ${causeOf(error as Error)}`
    return { result: 'failed', reason }
  }
}

async function ask (url: string, headers: Webhook['headers'], body: Buffer, signal: AbortSignal): Promise<Verdict> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
    body,
    redirect: 'manual',
    signal,
  })
  if (response.status === 200) {
    await response.body?.cancel()
    return { result: 'passed' }
  }
  // Who has said no has said it, however the reason comes along.
  const reason = await beginningOf(response).then(reasonOf, () => '')
  return { result: 'rejected', reason: reason === '' ? `it answered ${statusOf(response.status)}` : reason }
}

async function beginningOf (response: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body ?? []) {
    pieces.push(piece)
    length += piece.length
    if (length >= answerBytesMax) break
  }
  return Buffer.concat(pieces).toString('utf8', 0, answerBytesMax)
}

/** The member `reason` of a JSON object, the `detail` of a problem document, or what else the answer says. */
function reasonOf (answer: string): string {
  let said = answer
  try {
    const { reason, detail } = JSON.parse(answer) as { reason?: unknown, detail?: unknown }
    const given = reason ?? detail
    said = typeof given === 'string' ? given : answer
  } catch {}
  // eslint-disable-next-line no-control-regex
  return said.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim().slice(0, reasonLengthMax)
}

function statusOf (status: number): string {
  return `${status}${STATUS_CODES[status] === undefined ? '' : ` ${STATUS_CODES[status]}`}`
}

/** The fetch of Node hides the reason in the cause. */
function causeOf (error: Error): string {
  const { cause } = error
  return cause instanceof Error ? (cause as NodeJS.ErrnoException).code ?? cause.message : error.message
}
