import { quantile } from '../measure/quantile.ts'
import { compare, type Comparison } from './compare.ts'
import { Copy } from './copy.ts'
import { follow } from './follow.ts'
import type { Acknowledgement } from './loader.ts'

/** The demo's second process: it follows the feed from zero while another loads, and compares its copy at the end. */
export type FollowerMessage =
  { kind: 'follow', port: number, tenant: string, cutAt: number } |
  { kind: 'finish', acknowledgements: Acknowledgement[] }

export interface FollowerReport extends Comparison {
  changes: number
  connections: number
  /** From a change's acknowledgement to its arrival, in milliseconds; below 0 when it arrived first. */
  lagMs: { p50: number, p99: number }
  /** Of all changes, those that arrived no later than their acknowledgement: 0 to 1. */
  arrivedFirst: number
}

const copy = new Copy()
let finish: (acknowledgements: Acknowledgement[]) => void = () => {}
const finished = new Promise<Acknowledgement[]>((resolve) => { finish = resolve })

process.on('message', (message: FollowerMessage) => {
  if (message.kind === 'finish') finish(message.acknowledgements)
  else void run(message)
})
process.once('disconnect', () => process.exit())
// Ctrl-C reaches this process too; its parent is the one that ends it.
process.on('SIGINT', () => {})

async function run ({ port, tenant, cutAt }: Extract<FollowerMessage, { kind: 'follow' }>): Promise<void> {
  const until = finished.then((acknowledgements) => acknowledgements.at(-1)?.lastRevision ?? 0)
  const connections = await follow({ port, copy, cutAt, until })
  const lags = lagsOf(await finished)
  const report: FollowerReport = {
    ...await compare(port, tenant, copy),
    changes: copy.revision,
    connections,
    lagMs: { p50: quantile(lags, 0.5), p99: quantile(lags, 0.99) },
    arrivedFirst: lags.filter((lag) => lag <= 0).length / lags.length,
  }
  process.send!(report)
}

/** In ascending order. */
function lagsOf (acknowledgements: Acknowledgement[]): Float64Array {
  const lags = acknowledgements.flatMap(({ firstRevision, lastRevision, at }) => (
    copy.arrivedMs.slice(firstRevision, lastRevision + 1).map((arrivedMs) => arrivedMs - at)))
  return Float64Array.from(lags).sort()
}
