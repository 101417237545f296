import type { Chance } from './chance.ts'
import type { Counts } from './counts.ts'
import type { Events } from './events.ts'
import type { Plan } from './plan.ts'
import type { Product } from './product.ts'
import type { Trace } from './trace.ts'

/** What every part of a simulation shares: time, chance, and what is being noted. */
export interface World {
  readonly product: Product
  readonly plan: Plan
  readonly chance: Chance
  readonly events: Events
  readonly trace: Trace
  readonly counts: Counts
  /** Faults are over. */
  calm: boolean
}

export function say (world: World, who: string, what: () => string): void {
  if (world.trace.wanted) world.trace.say(world.events.now, who, what())
}

/** About so long: from half of it to one and a half. */
export function about (world: World, micros: number): number {
  return world.chance.between(micros >> 1, micros + (micros >> 1))
}
