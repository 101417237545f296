import type { Configuration, Message, TraceEvent } from '../../plugins/raft/core/index.ts'

/** Things in a few words, for the trace. Ids are shown without the zeros they begin with. */

export function shortId (id: string): string {
  return `n${Number.parseInt(id, 16)}`
}

export function describeConfiguration (configuration: Configuration): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = configuration
  const list = (ids: readonly string[]): string => ids.map(shortId).join(' ')
  const parts = [`voters ${list(voters)}`]
  if (votersOutgoing.length > 0) parts.push(`outgoing ${list(votersOutgoing)}${autoLeave ? '' : ' (to be left by hand)'}`)
  if (learners.length > 0) parts.push(`learners ${list(learners)}`)
  if (learnersNext.length > 0) parts.push(`learners next ${list(learnersNext)}`)
  return parts.join(', ')
}

export function describeEvent (event: TraceEvent): string {
  switch (event.event) {
    case 'role': return `is ${event.role} in term ${event.term}`
    case 'vote': {
      const asked = `${shortId(event.candidate)}'s ${event.request} in term ${event.term}`
      return event.granted ? `grants ${asked}` : `refuses ${asked}`
    }
    case 'lease-kept': return `ignores ${shortId(event.candidate)}'s request in term ${event.term}: it follows a leader`
    case 'no-campaign': return `does not campaign: ${event.reason}`
    case 'quorum-lost': return `has lost touch with a quorum in term ${event.term}`
    case 'progress':
      return `sees ${shortId(event.member)} in state ${event.state}, match ${event.match}, next ${event.next}`
    case 'conflict': return `takes a leader's entries from ${event.index} on, of term ${event.term}`
    case 'restore': return `takes a snapshot at ${event.snapshot.index} of term ${event.snapshot.term}`
    case 'configuration': return `has a new configuration: ${describeConfiguration(event.configuration)}`
    case 'change-refused': return `refuses a change: ${event.reason}`
    case 'transfer': return `transfer to ${shortId(event.to)} ${event.state}`
  }
}

export function describeMessage (message: Message): string {
  const { type, from, term } = message
  const head = `${type} from ${shortId(from)}${term === 0 ? '' : `, term ${term}`}`
  switch (message.type) {
    case 'append': {
      const { index, logTerm, commit, entries } = message
      const what = entries.length === 0 ? 'nothing' : `${entries[0]!.index}..${entries.at(-1)!.index}`
      return `${head}: ${what} after ${index} of term ${logTerm}, commit ${commit}`
    }
    case 'append-response':
      return message.reject
        ? `${head}: not after ${message.index}, perhaps after ${message.hint} of term ${message.hintTerm}`
        : `${head}: holds ${message.index}`
    case 'heartbeat': return `${head}: commit ${message.commit}${message.context === null ? '' : `, read ${message.context}`}`
    case 'heartbeat-response': return `${head}${message.context === null ? '' : `: read ${message.context}`}`
    case 'vote':
    case 'pre-vote': return `${head}: log ends at ${message.index} of term ${message.logTerm}`
    case 'vote-response':
    case 'pre-vote-response': return `${head}: ${message.reject ? 'no' : 'yes'}`
    case 'snapshot': return `${head}: at ${message.snapshot.index} of term ${message.snapshot.term}`
    case 'read-index': return `${head}: ${message.context}`
    case 'read-index-response': return `${head}: ${message.context} at ${message.index}`
    case 'timeout-now':
    case 'transfer-leader':
    case 'propose': return head
  }
}
