import { encodeChange, entryTypes, isVoter } from '../../../plugins/raft/core/index.ts'
import type { ProposedEntry, Transition } from '../../../plugins/raft/core/index.ts'
import { addNodes } from './add-nodes.ts'
import { parseChanges } from './changes.ts'
import { firstNumber, option, plainNumbers } from './datadriven.ts'
import type { Command } from './datadriven.ts'
import { describeEntry, describeProgress, describeRole, firstVersion } from './describe.ts'
import { Environment } from './environment.ts'
import type { Recipient } from './environment.ts'
import { nodeId, nodeNumber } from './ids.ts'
import { describeMessage } from './messages.ts'
import { electionTicks, heartbeatTicks, refusal } from './node.ts'
import type { TranscriptNode } from './node.ts'

type Play = (environment: Environment, command: Command) => void

/** Plays whole clusters: a command does one thing to one node, or lets them work until all is still. */
export class InteractionPlayer {
  readonly #environment = new Environment()

  play (command: Command): string {
    const { output } = this.#environment
    try {
      const play = commands[command.name]
      if (play === undefined) throw new Error('unknown command')
      play(this.#environment, command)
    } catch (error) {
      output.printAlways((error as Error).message)
    }
    return output.take()
  }
}

const commands: Record<string, Play> = {
  _breakpoint: () => {},
  'add-nodes': addNodes,
  campaign: onNode(({ core }) => { core.campaign() }),
  compact: (environment, command) => {
    const [number, index] = plainNumbers(command)
    const node = environment.node(number!)
    if (!node.log.compact(index!)) throw new Error('requested index is unavailable due to compaction')
    printLog(node, environment)
  },
  'deliver-msgs': deliver,
  'forget-leader': onNode(({ core }) => { core.forgetLeader() }),
  'log-level': ({ output }, { args }) => { output.setLevel(args[0]?.key ?? '') },
  'process-append-thread': onEachNode('processing append thread', (node, environment) => {
    environment.processAppendThread(node)
  }),
  'process-apply-thread': onEachNode('processing apply thread', (node, environment) => {
    environment.processApplyThread(node)
  }),
  'process-ready': onEachNode('handling Ready', (node, environment) => { environment.processReady(node) }),
  propose: onNode((node, { args }) => {
    propose(node, { type: entryTypes.command, data: Buffer.from(args[1]?.key ?? '') })
  }),
  'propose-conf-change': onNode(proposeChange),
  'raft-log': onNode((node, _command, environment) => { printLog(node, environment) }),
  'raft-state': ({ nodes, output }) => {
    for (const { id, core: { status } } of nodes) {
      const { role, term, leader, configuration } = status
      const voter = isVoter(configuration, id) ? 'Voter' : 'Non-Voter'
      const lead = leader === null ? 0 : nodeNumber(leader)
      output.print(`${nodeNumber(id)}: ${describeRole(role)} (${voter}) Term:${term} Lead:${lead}`)
    }
  },
  'report-unreachable': onNode(({ core }, command) => {
    const [, unreachable] = plainNumbers(command)
    core.reportUnreachable(nodeId(unreachable!))
  }),
  'send-snapshot': sendSnapshot,
  'set-randomized-election-timeout': onNode((node, command) => {
    node.setElectionTimeout(Number(option(command, 'timeout')))
  }),
  stabilize: (environment, command) => {
    const numbers = plainNumbers(command)
    const nodes = numbers.length === 0 ? environment.nodes : numbers.map((number) => environment.node(number))
    environment.output.atLevel(option(command, 'log-level'), () => { environment.stabilize(nodes) })
  },
  status: onNode(({ core }, _command, { output }) => {
    for (const [id, member] of core.status.members) output.print(describeProgress(id, member))
  }),
  'tick-election': onNode((node) => { tick(node, electionTicks) }),
  'tick-heartbeat': onNode((node) => { tick(node, heartbeatTicks) }),
  'transfer-leadership': (environment, command) => {
    const [from, to] = [Number(option(command, 'from')), Number(option(command, 'to'))]
    environment.node(from).core.transferLeadership(nodeId(to))
  },
}

/** A command whose first argument is a node. */
function onNode (act: (node: TranscriptNode, command: Command, environment: Environment) => void): Play {
  return (environment, command) => { act(environment.node(firstNumber(command)), command, environment) }
}

/** A command whose arguments are nodes; with more than one, each has a heading. */
function onEachNode (title: string, act: (node: TranscriptNode, environment: Environment) => void): Play {
  return (environment, command) => {
    const nodes = plainNumbers(command).map((number) => environment.node(number))
    for (const node of nodes) {
      if (nodes.length === 1) {
        act(node, environment)
      } else {
        environment.output.print(`> ${nodeNumber(node.id)} ${title}`)
        environment.output.indented(() => { act(node, environment) })
      }
    }
  }
}

function deliver (environment: Environment, command: Command): void {
  const recipients = command.args.flatMap(({ key, values }): Recipient[] => {
    if (values.length === 0) return [{ number: Number(key), drop: false }]
    return key === 'drop' ? values.map((value) => ({ number: Number(value), drop: true })) : []
  })
  const count = environment.deliver(recipients, option(command, 'type'))
  if (count === 0) environment.output.print('no messages')
}

function propose ({ core }: TranscriptNode, entry: ProposedEntry): void {
  const outcome = core.propose([entry])
  if (outcome.result === 'refused') throw new Error(refusal(outcome.reason)!)
}

function proposeChange (node: TranscriptNode, command: Command): void {
  const changes = parseChanges(command.input)
  const transition = option(command, 'transition') ?? 'auto'
  if (!['auto', 'implicit', 'explicit'].includes(transition)) throw new Error(`unknown transition ${transition}`)
  const v1 = option(command, 'v1') === 'true'
  if (v1 && (changes.length > 1 || transition !== 'auto')) {
    throw new Error('v1 conf change can only have one operation and no transition')
  }
  const data = encodeChange({ transition: transition as Transition, changes })
  if (v1) firstVersion.add(data)
  propose(node, { type: entryTypes.configuration, data })
}

/** A snapshot that nobody asked for. */
function sendSnapshot (environment: Environment, command: Command): void {
  const [from, to] = plainNumbers(command)
  const { id, core, log } = environment.node(from!)
  const snapshot = log.snapshot()
  if (snapshot === undefined) throw new Error('there is no snapshot')
  const message = { type: 'snapshot' as const, from: id, to: nodeId(to!), term: core.status.term, snapshot }
  environment.send(message)
  environment.output.print(describeMessage(message))
}

function printLog ({ log }: TranscriptNode, { output }: Environment): void {
  for (const entry of log.all) output.print(describeEntry(entry))
  if (log.all.length > 0) return
  output.print(`log is empty: first index=${log.firstIndex}, last index=${log.lastIndex}`)
}

function tick ({ core }: TranscriptNode, ticks: number): void {
  for (let ticked = 0; ticked < ticks; ticked++) core.tick()
}
