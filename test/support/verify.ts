import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BinaryReader } from '../../storage/binary.ts'
import { decodeChange } from '../../storage/change.ts'
import { decodeEntry, isLive } from '../../storage/entry.ts'
import { nodeRows } from '../../storage/keys.ts'
import { decodeRequest } from '../../storage/request.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import type { Family, Range, Row, Store } from '../../storage/store.ts'
import { hex, Replay, type DerivedFamily } from './replay.ts'

export interface Verified {
  /** Of the last command whose effects are here. */
  index: number
  revision: number
  /** The JSON text of every change, in order; of those that are no longer kept, as they were given. */
  texts: string[]
  /** The first that is kept. */
  firstRevision: number
  /** Idempotency keys that are remembered. */
  requests: number
}

const all = { start: Buffer.of(0), end: Buffer.alloc(64, 0xff) }
const faultsShown = 10

/**
 * Looks at a copy of a node's database, so that what the node finds when it starts again is what its end left.
 *
 * @param known the JSON texts of the first changes, at least of those that are no longer kept
 * @throws Error when the families do not agree.
 */
export async function verifyFolder (dataDir: string, known: readonly string[] = []): Promise<Verified> {
  const copy = mkdtempSync(join(tmpdir(), 'changewell-verify-'))
  try {
    cpSync(join(dataDir, 'db'), copy, { recursive: true })
    const store = await openRocksStore(copy)
    try {
      return await verifyStore(store, known)
    } finally {
      await store.close()
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/**
 * Replays the history, and compares what follows from it with every family. What is no longer kept of it must be known,
 * and nothing of that may be left.
 *
 * @param known as for `verifyFolder`
 * @throws Error when they differ.
 */
export async function verifyStore (store: Store, known: readonly string[] = []): Promise<Verified> {
  const faults: string[] = []
  const { index, revision, timestamp, firstRevision } = await positionOf(store)
  const texts = known.slice(0, firstRevision - 1)
  if (texts.length !== firstRevision - 1) {
    throw new Error(`the history begins at ${firstRevision} and cannot be replayed: ${known.length} changes are known`)
  }
  const replay = new Replay()
  for (const text of texts) replay.apply(text)
  replay.rows.tags.clear()
  let lastTimestamp = 0
  for (const { key, value } of await rowsOf(store, 'changes')) {
    const next = texts.length + 1
    const { scope, text } = decodeChange(next, value)
    const { change, tenants, collection } = replay.apply(text.toString())
    texts.push(text.toString())
    if (key.toString('hex') !== hex(next) || change.revision !== next) {
      throw new Error(`change ${next} is row ${key.toString('hex')} and says ${change.revision}`)
    }
    const { type, key: name = null, tags = [] } = change
    compare(`scope of ${next}`, JSON.stringify(scope), JSON.stringify({ type, tenants, collection, key: name, tags }), faults)
    if (Date.parse(change.timestamp) < lastTimestamp) faults.push(`change ${next} is older than the one before`)
    lastTimestamp = Date.parse(change.timestamp)
  }
  if (texts.length !== revision) faults.push(`the position says ${revision}, the history has ${texts.length} changes`)
  if (timestamp < lastTimestamp) faults.push(`the position says ${timestamp}, the last change ${lastTimestamp}`)
  for (const family of Object.keys(replay.rows) as DerivedFamily[]) {
    await compareFamily(store, family, replay.rows[family], faults)
  }
  const requests = await verifyRequests(store, revision, faults)
  if (faults.length > 0) {
    throw new Error(`The families do not agree at revision ${revision} (${faults.length} faults):\n` +
      faults.slice(0, faultsShown).join('\n'))
  }
  return { index, revision, texts, firstRevision, requests }
}

type Rows = Map<string, string>

async function compareFamily (store: Store, family: DerivedFamily, expected: Rows, faults: string[]): Promise<void> {
  const missing = new Map(expected)
  for (const { key, value } of await rowsOf(store, family)) {
    const name = key.toString('hex')
    // Nodes follow from no change.
    if (family === 'catalog' && isWithin(key, nodeRows)) continue
    compare(`${family} ${name}`, shown(family, key, value), expected.get(name) ?? 'nothing', faults)
    missing.delete(name)
  }
  for (const [name, value] of missing) compare(`${family} ${name}`, 'nothing', value, faults)
}

function shown (family: DerivedFamily, key: Buffer, value: Buffer): string {
  if (family === 'tenant_changes') return decodeChange(0, value).text.toString()
  if (family !== 'entries') return value.toString()
  const { revision, timestamp, data } = decodeEntry(key, value)
  return `${isLive(value) ? 'live' : 'deleted'} ${revision} ${timestamp} ${data.toString()}`
}

/**
 * Each request stands there twice: under its key and under the time at which it expires. What it is said to have
 * written must have been. Returns how many there are.
 */
async function verifyRequests (store: Store, lastRevision: number, faults: string[]): Promise<number> {
  const byKey: string[] = []
  const byTime: string[] = []
  for (const { key, value } of await rowsOf(store, 'requests')) {
    if (key[0] === 'o'.charCodeAt(0)) {
      verifyChunk(value, lastRevision, faults)
      continue
    }
    if (key[0] !== 'k'.charCodeAt(0)) {
      byTime.push(`${key.toString('utf8', 9)} ${key.toString('hex', 1, 9)}`)
      continue
    }
    const { expiresAt, outcome } = decodeRequest(value)
    byKey.push(`${key.toString('utf8', 1)} ${hex(expiresAt)}`)
    for (const { revision } of outcome.ok ? outcome.written : []) {
      if (revision > lastRevision) faults.push(`a request is said to have written ${revision}, which is not there`)
    }
  }
  compare('requests', byTime.sort().join('\n'), byKey.sort().join('\n'), faults)
  return byKey.length
}

/** Outcomes that receipts tell: whole ones, and none of a revision that is not there. */
function verifyChunk (row: Buffer, lastRevision: number, faults: string[]): void {
  const from = new BinaryReader(row)
  const [since, keptUntil] = [from.u64(), from.u64()]
  if (since === 0 || keptUntil === 0 || from.done) faults.push(`a chunk of outcomes says ${since} and ${keptUntil}, or holds nothing`)
  while (!from.done) {
    from.raw(10)
    if (from.u8() === 0) JSON.parse(from.bytes().toString())
    else if (from.u64() > lastRevision) faults.push('a receipt tells of a revision that is not there')
  }
}

async function positionOf (store: Store): Promise<Record<'index' | 'revision' | 'timestamp' | 'firstRevision', number>> {
  const row = await store.get('meta', Buffer.from('applied'))
  if (row === null) return { index: 0, revision: 0, timestamp: 0, firstRevision: 1 }
  const from = new BinaryReader(row)
  const [index, , revision, timestamp, firstRevision] = [from.u64(), from.u64(), from.u64(), from.u64(), from.u64()]
  return { index, revision, timestamp, firstRevision }
}

async function rowsOf (store: Store, family: Family): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of store.scan(family, all)) rows.push(row)
  return rows
}

function isWithin (key: Buffer, { start, end }: Range): boolean {
  return Buffer.compare(key, start) >= 0 && Buffer.compare(key, end) < 0
}

function compare (what: string, found: string, expected: string, faults: string[]): void {
  if (found !== expected) faults.push(`${what}: found ${found}, expected ${expected}`)
}
