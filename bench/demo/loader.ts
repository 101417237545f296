import { randomUUID } from 'node:crypto'
import { monotonicMs } from './clock.ts'
import type { Record, Source } from './record.ts'

/** A batch ends at whichever comes first. */
const batchChanges = 250
const batchBytes = 1024 * 1024

/** A batch of changes that the node has acknowledged. */
export interface Acknowledgement {
  firstRevision: number
  lastRevision: number
  /** By the monotonic clock, in milliseconds. */
  at: number
}

export interface Loaded {
  acknowledgements: Acknowledgement[]
  seconds: number
  /** One batch was sent a second time under its key, and the answer was the first one's. */
  repeatedBatchWasRecognised: boolean
}

/** Loads all records through the REST API in their order: of two versions of a key the later one stays. */
export async function loadRecords (port: number, source: Source, onProgress: (done: number) => void): Promise<Loaded> {
  const { tenant, records } = source
  await post(port, '/tenants', JSON.stringify({ name: tenant }))
  for (const name of new Set(records.map(({ collection }) => collection))) {
    await post(port, `/tenants/${encodeURIComponent(tenant)}/collections`, JSON.stringify({ name }))
  }
  const acknowledgements: Acknowledgement[] = []
  const begun = performance.now()
  let repeatedBatchWasRecognised = false
  let done = 0
  for (const batch of batchesOf(records)) {
    const body = `{"changes":[${batch.map((record) => changeText(tenant, record)).join(',')}]}`
    const key = randomUUID()
    const answer = await post(port, '/changes', body, key)
    acknowledgements.push(acknowledgementOf(answer))
    // As a client does that has lost the answer.
    if (done === 0) repeatedBatchWasRecognised = await post(port, '/changes', body, key) === answer
    done += batch.length
    onProgress(done)
  }
  return { acknowledgements, seconds: (performance.now() - begun) / 1000, repeatedBatchWasRecognised }
}

function * batchesOf (records: Record[]): Generator<Record[]> {
  let batch: Record[] = []
  let bytes = 0
  for (const record of records) {
    if (batch.length === batchChanges || bytes + record.data.length > batchBytes) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(record)
    bytes += record.data.length
  }
  if (batch.length > 0) yield batch
}

function changeText (tenant: string, { collection, key, data }: Record): string {
  const names = JSON.stringify({ tenant, collection, key })
  return `${names.slice(0, -1)},"data":${data}}`
}

function acknowledgementOf (answer: string): Acknowledgement {
  const at = monotonicMs()
  const { changes } = JSON.parse(answer) as { changes: Array<{ revision: number }> }
  return { firstRevision: changes[0]!.revision, lastRevision: changes.at(-1)!.revision, at }
}

async function post (port: number, path: string, body: string, idempotencyKey: string = randomUUID()): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST', body, headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`POST ${path} was answered ${response.status}: ${text}`)
  return text
}
