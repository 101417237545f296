import { request as requestPlain, STATUS_CODES, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as requestSecure } from 'node:https'
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
    const { name, code, message } = error as NodeJS.ErrnoException
    const reason = name === 'TimeoutError' ? `it did not answer within ${timeoutMs} ms` : `it cannot be asked: ${code ?? message}`
    return { result: 'failed', reason }
  }
}

async function ask (url: string, headers: Webhook['headers'], body: Buffer, signal: AbortSignal): Promise<Verdict> {
  const { sent, response } = await post(url, headers, body, signal)
  const status = response.statusCode!
  try {
    if (status === 200) return { result: 'passed' }
    // Who has said no has said it, however the reason comes along.
    const reason = await beginningOf(response).then(reasonOf, () => '')
    return { result: 'rejected', reason: reason === '' ? `it answered ${statusOf(status)}` : reason }
  } finally {
    // A call that is whole leaves its connection to the next one; for the rest of another nobody waits.
    if (response.complete && sent.writableFinished) response.resume()
    else sent.destroy()
  }
}

/** Not by `fetch`, which shuts out some ports and takes the answer 407 for none: those rules are for browsers. */
async function post (
  url: string, headers: Webhook['headers'], body: Buffer, signal: AbortSignal
): Promise<{ sent: ClientRequest, response: IncomingMessage }> {
  const request = new URL(url).protocol === 'https:' ? requestSecure : requestPlain
  const own = { 'content-type': 'application/json', accept: 'application/json', 'content-length': body.length }
  const sent = request(url, { method: 'POST', headers: { ...headers, ...own }, signal })
  sent.end(body)
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve)
      sent.on('error', reject)
      // What it switched to after the answer 101, for instance, is not followed, and no error tells that.
      sent.once('close', () => reject(new Error('it ended the connection without an answer')))
    })
    return { sent, response }
  } catch (error) {
    signal.throwIfAborted()
    // A connection that was kept may have been closed by the other side meanwhile.
    if (sent.reusedSocket) return await post(url, headers, body, signal)
    throw error
  }
}

async function beginningOf (response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
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
