import { Auditor } from './auditor.ts'
import { Calm } from './calm.ts'
import { Canon } from './canon.ts'
import { Chance } from './chance.ts'
import { Client } from './client.ts'
import { Cluster } from './cluster.ts'
import { Counts } from './counts.ts'
import { Events } from './events.ts'
import { Faults } from './faults.ts'
import { FeedReader } from './feed-reader.ts'
import { History } from './history.ts'
import { checkAcknowledged, checkKeys } from './key-law.ts'
import { Operator } from './operator.ts'
import { planOf } from './plan.ts'
import { checkReceipts } from './receipt-law.ts'
import type { Product } from './product.ts'
import { Trace } from './trace.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

export interface Result {
  seed: number
  steps: number
  /** Of virtual time. */
  micros: number
  counts: Record<string, number>
  /** Equal for equal runs, and different when anything differed. */
  fingerprint: string
  violation: { invariant: string, message: string } | null
  trace: readonly string[]
}

export interface SimulationOptions {
  product: Product
  /** Whether sentences are kept for a person to read. */
  trace?: boolean
}

/** Runs one seed, from the beginning to the end of the calm or to the first violation. */
export async function simulate (seed: number, { product, trace = false }: SimulationOptions): Promise<Result> {
  const chance = new Chance(seed)
  const world: World = {
    product,
    plan: planOf(chance, seed),
    chance,
    events: new Events(),
    trace: new Trace(trace),
    counts: new Counts(),
    calm: false,
  }
  const violation = await run(world)
  const { events, counts } = world
  return {
    seed,
    steps: events.steps,
    micros: events.now,
    counts: counts.all,
    fingerprint: world.trace.fingerprint,
    violation,
    trace: world.trace.lines,
  }
}

async function run (world: World): Promise<Result['violation']> {
  try {
    const canon = new Canon()
    const history = new History()
    const cluster = new Cluster(world, canon)
    await cluster.begin(world.plan.voters, world.plan.learners)
    const clients = Array.from({ length: world.plan.clients }, (_, at) => (
      new Client(world, cluster, history, `client-${at + 1}`, new FeedReader(world, cluster, canon))))
    for (const client of clients) client.start()
    const auditor = new Auditor(world, cluster, history)
    auditor.start()
    const operator = new Operator(world, cluster)
    operator.start()
    const faults = new Faults(world, cluster)
    faults.start()
    let calm: Calm | undefined
    world.events.after(world.plan.calmMicros, async () => {
      await faults.end()
      calm = new Calm(world, canon, cluster, { clients, operator, auditor })
      await calm.look()
    })
    while (calm?.isOver !== true) await step(world)
    checkAcknowledged(history, canon)
    checkKeys(history, canon)
    await checkReceipts(history, canon, calm.members.map(({ machine }) => machine.database), world.product.readReceipt)
    world.counts.add('entries', canon.lastIndex)
    for (const { machine } of cluster.up) world.trace.mix(machine.checksum)
    return null
  } catch (error) {
    if (error instanceof Violation) return { invariant: error.invariant, message: error.message }
    return { invariant: 'assertions of the code', message: error instanceof Error ? error.stack ?? error.message : String(error) }
  }
}

async function step ({ events, trace }: World): Promise<void> {
  const { micros, happen } = events.next()
  trace.mix(micros)
  const happening = happen()
  if (happening !== undefined) await happening
}
