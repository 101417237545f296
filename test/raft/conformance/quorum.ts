import { committedIndex, voteResult } from '../../../plugins/raft/core/quorum.ts'
import type { Voters } from '../../../plugins/raft/core/quorum.ts'
import type { NodeId } from '../../../plugins/raft/core/index.ts'
import { numbersOf } from './datadriven.ts'
import type { Command } from './datadriven.ts'
import { nodeIds, nodeNumber } from './ids.ts'

/** Plays `committed` and `vote`: two sets of voters, and what is known of each voter. */
export function playQuorum (command: Command): string {
  const joint = command.args.some(({ key }) => key === 'cfgj')
  const numbers = { cfg: numbersOf(command, 'cfg'), cfgj: numbersOf(command, 'cfgj').filter(Number.isInteger) }
  const voters = { voters: nodeIds(numbers.cfg), votersOutgoing: nodeIds(numbers.cfgj) }
  const ids = [...new Set([...numbers.cfg, ...numbers.cfgj])]
  const key = command.name === 'vote' ? 'votes' : 'idx'
  const values = command.args.filter((arg) => arg.key === key).flatMap((arg) => arg.values)
  if (values.length !== ids.length) return describeMismatch(ids, values)

  // `_` says that nothing is known of a voter. Others stand in the order in which the voters were named.
  const known = new Map<NodeId, string>()
  ids.forEach((id, at) => { if (values[at] !== '_') known.set(nodeIds([id])[0]!, values[at]!) })
  if (command.name === 'vote') return playVote(voters, known)
  if (command.name === 'committed') return playCommitted(voters, known, joint)
  return 'unknown command'
}

function playVote (voters: Voters, known: ReadonlyMap<NodeId, string>): string {
  const votes = new Map([...known].map(([id, vote]) => [id, vote === 'y']))
  const names = { won: 'VoteWon', pending: 'VotePending', lost: 'VoteLost' }
  const results = equivalents(voters).map((same) => names[voteResult(same, votes)])
  return [...differing(results), results[0]].join('\n')
}

function playCommitted (voters: Voters, known: ReadonlyMap<NodeId, string>, joint: boolean): string {
  const indexes = new Map([...known].map(([id, index]) => [id, Number(index)]))
  const committed = (of: Voters, acked: ReadonlyMap<NodeId, number>): string => {
    const index = committedIndex(of, (id) => acked.get(id) ?? 0)
    return index === Infinity ? '∞' : String(index)
  }
  const results = equivalents(voters).map((same) => committed(same, indexes))
  // An index that is below what is committed may fall further: the others decide.
  for (const [id, index] of joint ? [] : indexes) {
    if (index >= Number(results[0])) continue
    for (const lower of [index - 1, 0]) results.push(committed(voters, new Map([...indexes, [id, lower]])))
  }
  return describeIndexes(voters, indexes) + [...differing(results), results[0]].join('\n')
}

/** Voters that must decide alike: the sets exchanged, and a set that stands alone joined with itself. */
function equivalents ({ voters, votersOutgoing }: Voters): Voters[] {
  const same = [{ voters, votersOutgoing }, { voters: votersOutgoing, votersOutgoing: voters }]
  return votersOutgoing.length > 0 ? same : [...same, { voters, votersOutgoing: voters }]
}

function differing (results: readonly string[]): string[] {
  return results.filter((result) => result !== results[0]).map((result) => `${result} <-- by an equivalent question`)
}

/** A line for each voter, whose bar is as long as there are voters that are further behind. */
function describeIndexes ({ voters, votersOutgoing }: Voters, indexes: ReadonlyMap<NodeId, number>): string {
  const ids = [...new Set([...voters, ...votersOutgoing])].sort()
  if (ids.length === 0) return '<empty majority quorum>'
  const all = ids.map((id) => indexes.get(id) ?? 0)
  const lines = ids.map((id, at) => {
    const bar = all.filter((index) => index < all[at]!).length
    const progress = indexes.has(id) ? `${'x'.repeat(bar)}>` : '?'
    return `${progress.padEnd(ids.length + 1)} ${String(all[at]).padStart(5)}    (id=${nodeNumber(id)})\n`
  })
  return `${' '.repeat(ids.length)}    idx\n${lines.join('')}`
}

function describeMismatch (ids: readonly number[], values: readonly string[]): string {
  const voters = [...ids].sort((a, b) => a - b).map((id) => `${id}:{}`).join(' ')
  const codes: Record<string, string> = { _: '0', n: '1', y: '2' }
  const given = values.map((value) => codes[value] ?? value).join(' ')
  return `error: mismatched input (explicit or _) for voters map[${voters}]: [${given}]`
}
