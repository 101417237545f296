import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Receipts } from '../../plugins/raft/receipts.ts'
import { decodeCommand, encodeCommand } from '../../storage/command.ts'
import { Database } from '../../storage/database.ts'
import { everyKey } from '../../storage/keys.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import type { WriteCommand } from '../../storage/types.ts'
import { describeMachine } from '../measure/machine.ts'
import { median } from '../measure/quantile.ts'
import { shown, times } from '../report/numbers.ts'
import { dataFolder, keys, value } from './house.ts'
import type { SuiteOptions } from './suite.ts'

const batchWrites = 64
const data = Buffer.from(value)

type Kind = 'without' | 'with' | 'queued'

const names: Record<Kind, string> = {
  without: 'no receipt', with: 'a receipt', queued: 'a receipt by which it is recognised, as a queued write has',
}

interface Sample {
  /** Of processor, for one write: encoded, decoded and applied. */
  micros: number
  logBytes: number
  rows: number
  rowBytes: number
}

/** What receipts add to a write: in the log, in the store, and on the processors. */
export async function receipts ({ quick, say }: SuiteOptions): Promise<void> {
  const [rounds, writes] = quick ? [3, 6_400] : [9, 32_000]
  const samples: Record<Kind, Sample[]> = { without: [], with: [], queued: [] }
  const folder = await dataFolder()
  try {
    // The first round is for the compiler.
    for (let round = 0; round <= rounds; round++) {
      for (const kind of Object.keys(samples) as Kind[]) {
        const sample = await measure(join(folder, `${round}-${kind}`), kind, writes)
        if (round > 0) samples[kind].push(sample)
      }
    }
    const page = [
      '# Receipts', '',
      `Made by \`npm run bench -- receipts\`: ${shown(writes)} puts of 200 bytes, in batches of ${batchWrites}, are given a receipt, put as ` +
      'commands into bytes and read again, and applied to a database on RocksDB, without consensus and HTTP.', '',
      '| a put with | bytes in the log | rows of outcomes | bytes of those | processor µs | of that without, median (least to greatest) |',
      '| :-- | --: | --: | --: | --: | --: |',
      ...(Object.keys(samples) as Kind[]).map((kind) => row(names[kind], samples[kind], samples.without)), '',
      'Rows and bytes are what the store holds at the end, for one put.', '',
      'Taken on:', '', ...(await describeMachine(folder)).map((line) => `- ${line}`), '',
    ].join('\n')
    say(page)
    if (quick) return
    await mkdir('bench/results', { recursive: true })
    await writeFile('bench/results/receipts.md', page)
    say('written to bench/results/receipts.md')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function row (name: string, list: Sample[], neighbours: Sample[]): string {
  const middle = (of: (sample: Sample) => number): string => shown(median(list.map(of)))
  const ratios = list.map(({ micros }, round) => micros / neighbours[round]!.micros)
  return `| ${name} | ${middle(({ logBytes }) => logBytes)} | ${middle(({ rows }) => rows)} | ${middle(({ rowBytes }) => rowBytes)} | ` +
    `${middle(({ micros }) => micros)} | ${times(median(ratios))} (${shown(Math.min(...ratios))} to ${shown(Math.max(...ratios))}) |`
}

async function measure (directory: string, kind: Kind, writes: number): Promise<Sample> {
  const database = await Database.open(await openRocksStore(directory))
  const giver = new Receipts({ database, keptSeconds: 86_400 })
  let index = 0
  let logBytes = 0
  const apply = async (commands: WriteCommand[]): Promise<void> => {
    const bytes = commands.map(encodeCommand)
    for (const { length } of bytes) logBytes += length
    await database.apply(bytes.map((entry) => ({ index: ++index, term: 1, command: decodeCommand(entry) })))
  }
  await apply([{
    kind: 'write',
    timestamp: Date.now(),
    compare: [],
    then: [{ type: 'tenant-create', tenant: 'bench' }, { type: 'collection-create', tenant: 'bench', collection: 'values' }],
  }])
  logBytes = 0
  const before = process.cpuUsage()
  for (let at = 0; at < writes; at += batchWrites) {
    const batch = Array.from({ length: batchWrites }, (_, place) => keys[(at + place) % keys.length]!)
    await apply(batch.map((key) => put(key, kind, giver)))
  }
  const { user, system } = process.cpuUsage(before)
  let [rows, rowBytes] = [0, 0]
  for await (const { key, value: held } of database.store.scan('requests', everyKey)) {
    rows++
    rowBytes += key.length + held.length
  }
  await database.close()
  return {
    micros: (user + system) / writes, logBytes: logBytes / writes, rows: rows / writes, rowBytes: rowBytes / writes,
  }
}

function put (key: string, kind: Kind, giver: Receipts): WriteCommand {
  const command: WriteCommand = {
    kind: 'write',
    timestamp: Date.now(),
    compare: [],
    then: [{ type: 'put', tenant: 'bench', collection: 'values', key, data }],
  }
  if (kind === 'without') return command
  const { after: _, ...receipt } = giver.give(60_000, kind === 'queued')
  return { ...command, receipt }
}
