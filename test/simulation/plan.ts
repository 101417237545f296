import type { Chance } from './chance.ts'

/** Every parameter of a simulation, drawn from its seed. Times are in microseconds of virtual time. */
export interface Plan {
  voters: number
  learners: number
  clients: number
  keys: number
  /** Between two requests of a client, on the average. */
  thinkMicros: number
  tickMicros: number
  /** Clocks are too fast or too slow by up to so many percent. */
  tickSpread: number
  electionTicks: number
  heartbeatTicks: number
  preVote: boolean
  checkQuorum: boolean
  /** Needs clocks that go alike. */
  leaseReads: boolean
  appendBytesMax: number
  inflightMessagesMax: number
  inflightBytesMax: number
  uncommittedBytesMax: number
  applyingBytesMax: number
  /** The driver's turn comes so much later than what it was for; 0 for at once. */
  turnMicros: number
  /** Log entries in memory; older ones must be fetched. */
  memoryEntries: number
  /** Entries that stay in the log behind what is flushed. */
  keepEntries: number
  /** Between flushes of the state machine, each followed by a compaction. */
  flushMicros: number
  /** The log shows what is appended at once, as the real one does, rather than when it is durable. */
  showsEarly: boolean
  /** A commit index alone is not synced. */
  lazyCommits: boolean
  syncMicros: number
  applyMicros: number
  networkMicros: number
  loss: number
  duplication: number
  /** Share of messages that take up to twenty times as long, some of them two hundred times, and so are overtaken. */
  straggling: number
  /** Share of snapshot transfers that break off. */
  snapshotLoss: number
  /** Between two faults, on the average; so often is each kind likely. */
  faultMicros: number
  partitions: number
  crashes: number
  stalls: number
  fullDisks: number
  lostDisks: number
  /** Leaders are struck one after another, each soon after its election. */
  hunts: number
  nudges: number
  /** Between two wishes of the operator about members or the leader, on the average. */
  operatorMicros: number
  membership: number
  transfers: number
  /** When the calm begins. */
  calmMicros: number
  /** Writes carry receipts, and clients ask by them what became of writes. */
  receipts: boolean
  /** In the calm, clients ask nothing before everybody agrees. */
  quietCalm: boolean
}

/** So many seeds have receipts: one of them, and the runs of all others are as they would be without. */
const receiptsEvery = 8

export function planOf (chance: Chance, seed: number): Plan {
  const plan = { ...anyPlan(chance), receipts: seed % receiptsEvery === 0 }
  return chance.chance(0.25) ? huntPlan(plan, chance) : plan
}

/** Five voters, quick elections, and leaders that do not last. */
function huntPlan (plan: Plan, chance: Chance): Plan {
  return {
    ...plan,
    voters: 5,
    electionTicks: chance.between(4, 6),
    heartbeatTicks: 1,
    appendBytesMax: chance.pick([1, 1_000_000]),
    inflightMessagesMax: chance.pick([1, 256]),
    networkMicros: chance.pick([300, 1500]),
    syncMicros: chance.pick([200, 1000, 6000]),
    loss: 0,
    membership: 0,
    hunts: 20,
    calmMicros: 3_000_000,
  }
}

function anyPlan (chance: Chance): Omit<Plan, 'receipts'> {
  const limit = (small: number): number => chance.weighted([[2, 1_000_000], [1, small], [1, 1]])
  const weight = (): number => chance.weighted([[1, 0], [2, 1], [1, 4]])
  const electionTicks = chance.between(4, 10)
  const checkQuorum = chance.chance(0.75)
  const leaseReads = checkQuorum && chance.chance(0.2)
  return {
    voters: chance.weighted([[1, 1], [1, 2], [10, 3], [3, 4], [5, 5]]),
    learners: chance.weighted([[3, 0], [1, 1]]),
    clients: chance.between(2, 5),
    keys: chance.between(1, 4),
    thinkMicros: chance.pick([5_000, 20_000, 60_000]),
    tickMicros: 10_000,
    tickSpread: leaseReads ? 0 : 15,
    electionTicks,
    heartbeatTicks: chance.between(1, Math.min(3, electionTicks - 2)),
    preVote: chance.chance(0.75),
    checkQuorum,
    leaseReads,
    appendBytesMax: limit(300),
    inflightMessagesMax: chance.pick([1, 2, 8, 256]),
    inflightBytesMax: limit(500),
    uncommittedBytesMax: chance.weighted([[3, 1_000_000], [1, 600]]),
    applyingBytesMax: limit(400),
    turnMicros: chance.weighted([[2, 0], [1, 200], [1, 2000]]),
    memoryEntries: chance.pick([1, 5, 30, 1_000_000]),
    keepEntries: chance.pick([0, 1, 5, 30]),
    flushMicros: chance.pick([50_000, 200_000, 1_000_000]),
    showsEarly: chance.chance(0.75),
    lazyCommits: chance.chance(0.5),
    syncMicros: chance.pick([200, 1000, 6000, 25_000]),
    applyMicros: chance.pick([50, 1000, 8000]),
    networkMicros: chance.pick([300, 1500, 5000]),
    loss: chance.pick([0, 0.01, 0.05, 0.15]),
    duplication: chance.pick([0, 0.02, 0.1]),
    straggling: chance.pick([0, 0.02, 0.1]),
    snapshotLoss: chance.pick([0, 0.2, 0.5]),
    faultMicros: chance.pick([60_000, 150_000, 400_000]),
    partitions: weight(),
    crashes: weight(),
    stalls: weight(),
    fullDisks: weight() / 3,
    lostDisks: weight() / 3,
    hunts: weight() / 3,
    nudges: weight() / 2,
    operatorMicros: chance.pick([60_000, 150_000, 500_000]),
    membership: weight(),
    transfers: weight(),
    calmMicros: chance.between(1_000_000, 3_500_000),
    quietCalm: chance.chance(0.5),
  }
}
