import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { requestKey } from '../../storage/keys.ts'
import { decodeRequest } from '../../storage/request.ts'
import { HookGate, type RecognisedBy } from './gate.ts'
import { hookMetrics } from './metrics.ts'

/**
 * Validation hooks: programs elsewhere that the leader asks whether a change may be made. They are settings of the
 * cluster, and are asked before the write takes its locks: one that is slow holds up nobody but those it wants to see.
 */
async function webhooks (app: FastifyInstance): Promise<void> {
  const { config, database, raft } = app
  const gate: HookGate = new HookGate({
    hooks: () => database.settings.webhooks,
    catalog: () => database.catalog,
    catchUp: () => raft.readBarrier(),
    isKnown: async (names) => {
      // What another leader had committed is to be applied here first.
      await raft.readBarrier()
      const known = await Promise.all(names.map((recognised) => isKnown(recognised, raft.receipts.clock)))
      return known.includes(true)
    },
    bytesMax: config.uncommittedBytesMax,
    onCalled: hookMetrics(app.metrics.registry, () => gate.size),
    onFailed: ({ isRefused, ...event }) => {
      app.log.warn(event, isRefused ? 'a validation hook failed, and the write was refused' : 'a validation hook failed, and the write went on')
    },
  })
  /** A key whose time is over is used anew, though its row may still be there. */
  async function isKnown ({ name, fingerprint }: RecognisedBy, now: number): Promise<boolean> {
    const row = await database.store.get('requests', requestKey(name))
    if (row === null || fingerprint === undefined) return row !== null
    const known = decodeRequest(row)
    return known.expiresAt > now && known.fingerprint.equals(fingerprint)
  }

  raft.addGate({
    admit: ({ proposal, origin, isWanted, pass, refuse }) => {
      gate.admit({ proposal, request: origin?.requestId ?? '', isWanted, pass: (holds) => pass(undefined, holds), refuse })
    },
    abandon: () => gate.abandon(),
  })
  app.addHook('onClose', async () => { gate.close() })
}

export default fp(webhooks, { name: 'webhooks', fastify: '5.x', dependencies: ['storage', 'raft', 'metrics'] })
