/** Reads URLs, one a line, and writes what their GET answers as a line of JSON: null when nobody does. */
import { createInterface } from 'node:readline'

for await (const url of createInterface({ input: process.stdin })) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000), headers: { connection: 'close' } })
    .then(async (response) => ({ status: response.status, body: await response.json() }))
    .catch(() => null)
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
