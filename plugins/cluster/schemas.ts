import { Type } from 'typebox'
import { revision, timestamp } from '../schemas.ts'
import { webhooks } from './webhooks.ts'

export const nodeId = Type.String({ pattern: '^[0-9a-f]{16}$', description: '16 hex digits.' })

const address = Type.String({ minLength: 3, maxLength: 300, pattern: ':[0-9]{1,5}$', description: 'host:port' })

export const role = Type.Union([Type.Literal('voter'), Type.Literal('replica')], {
  description: 'A voter decides with the others; a replica gets everything and only reads.',
})

export const memberState = Type.Union([
  Type.Literal('joining'), Type.Literal('catching up'), Type.Literal('voter'), Type.Literal('replica'), Type.Literal('leaving'),
])

export const member = Type.Object({
  id: nodeId,
  role,
  state: memberState,
  peerAddress: Type.String({ description: 'Where other nodes reach it; empty while it has not said.' }),
  apiAddress: Type.String({ description: 'Where clients reach it; empty while it has not said.' }),
  revision,
  timestamp,
  matchIndex: Type.Optional(Type.Integer({ description: 'The newest entry that the leader knows it to hold; the leader says it.' })),
  lastSeen: Type.Optional(Type.String({ format: 'date-time', description: 'When the answering node last heard of it.' })),
  waitsFor: Type.Optional(Type.String({ description: 'What is still to happen until it is what its role says.' })),
})

/** What clients that may not look after the cluster see of a member: enough to choose another node. */
const memberSeen = Type.Object({
  ...Type.Partial(member).properties,
  id: nodeId,
  role,
  state: memberState,
  apiAddress: member.properties.apiAddress,
})

export const settings = Type.Object({
  historyChanges: Type.Union([Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()], {
    description: 'How many of the newest changes the history keeps, at least; null keeps all. Values of keys and the feeds of tenants are never cut.',
  }),
  heartbeatMs: Type.Integer({
    minimum: 5, maximum: 60_000, description: 'Milliseconds between signs of life of the leader: about a round trip between the nodes, and not less.',
  }),
  electionMs: Type.Integer({
    minimum: 20, maximum: 600_000, description: 'Milliseconds without a sign of life, and up to twice as many, after which a voter campaigns. At least twice heartbeatMs; ten times is usual.',
  }),
  webhooks,
}, { additionalProperties: false })

export const cluster = Type.Object({
  id: Type.String({ description: 'The node that answers.' }),
  clusterId: Type.Union([Type.String(), Type.Null()]),
  leader: Type.Union([Type.String(), Type.Null()]),
  term: Type.Integer(),
  revision: Type.Integer(),
  checksum: Type.Optional(Type.Object({
    revision: Type.Integer(),
    index: Type.Integer({ description: 'The newest applied entry of the Raft log.' }),
    value: Type.String({ description: 'Over all that was done to the database up to there: equal on all nodes at the same index.' }),
  })),
  members: Type.Array(memberSeen),
})

export const addBody = Type.Object({
  id: nodeId, role: Type.Optional(role), peerAddress: address, apiAddress: address,
}, { additionalProperties: false })

export const changeBody = Type.Object({
  role: Type.Optional(role), peerAddress: Type.Optional(address), apiAddress: Type.Optional(address),
}, { additionalProperties: false })

export const leaderBody = Type.Object({
  id: Type.Optional(nodeId), from: Type.Optional(nodeId),
}, { additionalProperties: false })

export const waitQuery = Type.Object({
  wait: Type.Integer({ minimum: 0, maximum: 3600, default: 60, description: 'Seconds to wait until the change of the member is complete.' }),
}, { additionalProperties: false })
