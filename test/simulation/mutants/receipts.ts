import type { Mutant } from './mutant.ts'

/** What becomes of a write whose answer did not tell. */
export const receipts: readonly Mutant[] = [
  {
    name: 'a write is made after its deadline',
    mistake: 14,
    edits: [{
      file: 'storage/recognition.ts',
      find: 'if (timestamp <= deadline) return null',
      replace: 'if (timestamp <= deadline + 60_000) return null',
    }],
    seed: 32,
  },
  {
    name: 'a restart forgets what became of the newest writes',
    mistake: 14,
    edits: [{
      file: 'storage/content.ts',
      find: 'await store.get(\'requests\', chunkKeyOf(position.index))',
      replace: 'chunkKeyOf(position.index).length === 0 ? Buffer.alloc(0) : null',
    }],
    seed: 8,
  },
  {
    name: 'a queued write that comes again is made again',
    mistake: 14,
    edits: [{
      file: 'storage/recognition.ts',
      find: 'if (row !== null) return decodeRequest(row).outcome',
      replace: 'if (row?.length === 0) return decodeRequest(row).outcome',
    }],
    seed: 32,
  },
  {
    name: 'a write that was rejected on its way is made when it comes again',
    mistake: 14,
    edits: [{
      file: 'storage/recognition.ts',
      find: 'if (row !== null) return decodeRequest(row).outcome',
      replace: 'if (row !== null && decodeRequest(row).outcome.ok) return decodeRequest(row).outcome',
    }],
    seed: 72,
  },
  {
    name: 'the clock of the database goes back',
    mistake: 14,
    edits: [{
      file: 'storage/attempt.ts',
      find: 'Math.max(staging.position.timestamp, command.timestamp)',
      replace: 'command.timestamp',
    }],
    seed: 18,
  },
  {
    name: 'a write that is not known is told to be rejected before its deadline',
    mistake: 14,
    edits: [{
      file: 'storage/receipts.ts',
      find: 'database.timestamp > deadline',
      replace: 'database.timestamp > deadline - 100',
    }],
    seed: 8,
  },
  {
    name: 'an outcome is looked for too late in the log',
    mistake: 14,
    edits: [{
      file: 'storage/receipts.ts',
      find: 'chunksFrom(after + 1)',
      replace: 'chunksFrom(after + 32)',
    }],
    seed: 8,
  },
  {
    name: 'a write that came too late leaves its outcome',
    mistake: 14,
    edits: [{
      file: 'storage/recognition.ts',
      find: '  if (late !== null) return late\n  const outcome = execute()',
      replace: '  if (late !== null) {\n    remember(staging, name, { fingerprint: noFingerprint, expiresAt: receipt.keptUntil, ' +
        'outcome: { ok: true, branch: \'then\', written: [], revision: late.revision } })\n    return late\n  }\n' +
        '  const outcome = execute()',
    }],
    seed: 64,
  },
  {
    name: 'where no writes come the clock of the database stands still',
    mistake: 14,
    edits: [{
      file: 'storage/attempt.ts',
      find: 'Math.max(staging.position.timestamp, command.timestamp)',
      replace: 'Math.max(staging.position.timestamp, command.kind === \'expire\' ? 0 : command.timestamp)',
    }],
    seed: 88,
  },
]
