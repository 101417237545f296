import fc from 'fast-check'
import type { AppliedConfiguration } from '../../storage/database.ts'
import type {
  Called, Command, NodeCommand, NodeRemoveCommand, Operation, Receipt, RejectCommand, Webhook, WriteCommand,
} from '../../storage/types.ts'

const tenantName = fc.constantFrom('a', 'b', 'a/x', 'a/y', 'a/x/deep')
/** By name, or by an id: of the first tenants, whose ids are their revisions. */
const tenantReference = fc.oneof({ weight: 3, arbitrary: tenantName }, { weight: 1, arbitrary: fc.constantFrom('1', '2', '3', '4') })
/** An id does not stand for a name within a name. */
const newName = fc.oneof({ weight: 5, arbitrary: tenantName }, { weight: 1, arbitrary: fc.constantFrom('1/x', '3/x', '1/x/deep') })
const collectionName = fc.constantFrom('c', 'd')
const keyName = fc.constantFrom('k', 'l', 'ключ')
const tags = fc.array(fc.constantFrom('red', 'blue', 'redder'), { maxLength: 2 })
const data = fc.jsonValue({ maxDepth: 2 }).map((value) => Buffer.from(JSON.stringify(value)))
const place = { tenant: tenantReference, collection: collectionName, key: keyName }

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('put' as const), ...place, tags, data }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('put' as const), tags, data }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('put' as const), tenant: tenantReference, data }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('put' as const), tenant: tenantReference, collection: collectionName, data }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('delete' as const), ...place, tags }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('tenant-create' as const), tenant: newName }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('tenant-rename' as const), tenant: tenantReference, name: newName }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('tenant-delete' as const), tenant: tenantReference, recursive: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('collection-create' as const), tenant: tenantReference, collection: collectionName }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('collection-delete' as const), tenant: tenantReference, collection: collectionName, recursive: fc.boolean() }) }
)

const compare = fc.record({
  tenant: tenantReference, collection: collectionName, key: keyName, revision: fc.oneof(fc.constantFrom(0, 'exists' as const), fc.integer({ min: 1, max: 12 })),
})

const called = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Called[]>([]) },
  { weight: 1, arbitrary: fc.array(fc.record({ id: fc.constantFrom('1', '2', '3', '4'), name: fc.option(tenantName) }), { minLength: 1, maxLength: 2 }) }
)

/** How many receipts there were: those that do not come again are all different, as they are by chance. */
let receipts = 0

/** Deadlines about the times that commands have: some are kept and some missed. */
const receipt: fc.Arbitrary<Receipt> = fc.record({
  which: fc.nat({ max: 3 }),
  deadline: fc.integer({ min: 1_000_000, max: 2_000_000 }),
  kept: fc.integer({ min: 0, max: 1_000_000 }),
  isRepeated: fc.boolean(),
}).map(({ which, deadline, kept, isRepeated }) => {
  const id = Buffer.alloc(10, which)
  if (!isRepeated) id.writeUInt32BE(0x80000000 + receipts++)
  return { id, deadline, keptUntil: deadline + kept, isRepeated }
})

/** Writes that meet each other often: few tenants, collections and keys. */
export const write: fc.Arbitrary<WriteCommand> = fc.record({
  kind: fc.constant('write' as const),
  timestamp: fc.integer({ min: 1_000_000, max: 2_000_000 }),
  receipt,
  compare: fc.array(compare, { maxLength: 1 }),
  then: fc.array(operation, { minLength: 1, maxLength: 4 }),
  else: fc.array(operation, { maxLength: 2 }),
  called,
}, { requiredKeys: ['kind', 'timestamp', 'compare', 'then'] })

/** Says of writes that may come again that they were rejected on their way. */
export const rejection: fc.Arbitrary<RejectCommand> = fc.record({
  kind: fc.constant('reject' as const),
  timestamp: fc.integer({ min: 1_000_000, max: 2_000_000 }),
  receipt: receipt.filter(({ isRepeated }) => isRepeated),
  code: fc.constant('WRITE_REJECTED' as const),
  params: fc.constant({ hook: 'h', reason: 'no' }),
})

/** Tenants, to begin with: most random operations need one. */
export const beginning: WriteCommand = {
  kind: 'write',
  timestamp: 1,
  compare: [],
  then: [{ type: 'tenant-create', tenant: 'a' }, { type: 'collection-create', tenant: 'a', collection: 'c' }],
}

const hook: Webhook = { name: 'h', url: 'https://h', headers: { a: 'b' }, timeoutMs: 1, onFailure: 'fail-open' }

/** Commands that the cluster gives itself. */
export const housekeeping: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant('trim' as const), timestamp: fc.constant(1), firstRevision: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('expire' as const), timestamp: fc.constant(1) }),
  fc.record({
    kind: fc.constant('settings' as const),
    timestamp: fc.constant(1),
    settings: fc.record(
      {
        historyChanges: fc.constantFrom(null, 5),
        heartbeatMs: fc.nat(),
        electionMs: fc.nat(),
        webhooks: fc.constantFrom<Webhook[]>([], [hook]),
      },
      { requiredKeys: [] }
    ),
  }),
  fc.record({ kind: fc.constant('bootstrap' as const), timestamp: fc.constant(1), clusterId: fc.constantFrom('a', 'b') })
)

const nodeId = fc.constantFrom('n1', 'n2', 'n3', 'n4')
const address = fc.constantFrom('', 'a:1', 'b:1')
const timestamp = fc.integer({ min: 1_000_000, max: 2_000_000 })

export const nodeCommand: fc.Arbitrary<NodeCommand | NodeRemoveCommand> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('node' as const),
      timestamp,
      id: nodeId,
      role: fc.constantFrom('voter' as const, 'voter' as const, 'replica' as const, null),
      peerAddress: address,
      apiAddress: address,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('node-remove' as const), timestamp, id: nodeId }) }
)

/** Whoever votes, whoever learns, and bytes that mean nothing here. */
export const configuration: fc.Arbitrary<AppliedConfiguration> = fc.record({
  parts: fc.array(fc.constantFrom('voter', 'voter', 'learner', 'none'), { minLength: 4, maxLength: 4 }),
  bytes: fc.uint8Array({ maxLength: 20 }),
}).map(({ parts, bytes }) => {
  const are = (part: string): string[] => ['n1', 'n2', 'n3', 'n4'].filter((_, at) => parts[at] === part)
  return { bytes: Buffer.from(bytes), voters: are('voter'), learners: are('learner') }
})
