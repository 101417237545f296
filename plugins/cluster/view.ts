import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import type { member } from './schemas.ts'

export type MemberView = FastifyInstance['raft']['members'][number]

/** A member as the API shows it. */
export function memberOf (view: MemberView): Static<typeof member> {
  const { id, role, state, peerAddress, apiAddress, revision, timestamp, matchIndex, peer } = view
  return {
    id,
    role,
    state: state as Static<typeof member>['state'],
    peerAddress,
    apiAddress,
    revision,
    timestamp: new Date(timestamp).toISOString(),
    ...(matchIndex === null ? {} : { matchIndex }),
    ...(peer?.lastSeen == null ? {} : { lastSeen: new Date(peer.lastSeen).toISOString() }),
    ...waiting(view),
  }
}

/** A member as clients see it that may not look after the cluster. */
export function addressOf ({ id, role, state, apiAddress }: MemberView): Pick<Static<typeof member>, 'id' | 'role' | 'state' | 'apiAddress'> {
  return { id, role, state: state as Static<typeof member>['state'], apiAddress }
}

function waiting ({ role, state, matchIndex, peer }: MemberView): { waitsFor?: string } {
  if (state === role) return {}
  if (state === 'leaving') return { waitsFor: 'the others to agree on the members without it' }
  if (peer !== null && !peer.connected) return { waitsFor: `a connection to it${peer.refusal === null ? '' : ` (${peer.refusal.reason})`}` }
  if (state === 'joining') return { waitsFor: 'the members to agree on it' }
  if (state === 'catching up') return { waitsFor: `the log, of which it holds ${matchIndex ?? 'an unknown part'}` }
  return { waitsFor: 'the members to agree on its role' }
}
