import { emptyConfiguration } from '../../../plugins/raft/core/index.ts'
import { firstNumber, numbersOf, option } from './datadriven.ts'
import type { Command } from './datadriven.ts'
import type { Environment } from './environment.ts'
import { startSnapshot } from './environment.ts'
import { nodeIds } from './ids.ts'

/**
 * `add-nodes <count>`. Nodes that are told of members, an index or a content start from a snapshot; else they know
 * nothing. What the content is does not matter: nothing prints a state machine.
 */
export function addNodes (environment: Environment, command: Command): void {
  const voters = nodeIds(numbersOf(command, 'voters'))
  const learners = nodeIds(numbersOf(command, 'learners'))
  const index = Number(option(command, 'index') ?? 0)
  const bootstrap = voters.length > 0 || learners.length > 0 || index > 0 || option(command, 'content') !== undefined
  if (bootstrap && index <= 1) throw new Error('index must be specified as > 1 due to bootstrap')

  const reads = option(command, 'read-only') ?? 'safe'
  if (reads !== 'safe' && reads !== 'lease-based') throw new Error(`invalid read-only option "${reads}"`)
  const flag = (key: string): boolean => option(command, key) === 'true'
  if (reads === 'lease-based' && !flag('checkquorum')) {
    throw new Error('CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased')
  }
  environment.addNodes(firstNumber(command), {
    preVote: flag('prevote'),
    checkQuorum: flag('checkquorum'),
    leaseReads: reads === 'lease-based',
    stepDownOnRemoval: flag('step-down-on-removal'),
    checkChanges: !flag('disable-conf-change-validation'),
    inflightMessagesMax: Number(option(command, 'inflight') ?? Infinity),
    applyingBytesMax: Number(option(command, 'max-committed-size-per-ready') ?? Infinity),
    asyncStorage: flag('async-storage-writes'),
  }, bootstrap ? startSnapshot(index, { ...emptyConfiguration, voters, learners }) : null)
}
