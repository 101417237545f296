/** What is injected on purpose, by the name that it is counted under: a kind that never happens tests nothing. */
export const faultKinds = [
  'messages lost', 'messages doubled', 'messages late', 'messages cut off', 'slow ways', 'partitions', 'one-way partitions',
  'crashes', 'crashes in a write', 'power losses', 'unsynced writes lost', 'torn writes', 'state machines set back',
  'disk stalls', 'slow disks', 'full disks', 'lost disks', 'fetches', 'unequal clocks', 'hunts', 'leaders struck', 'nudges',
  'client time-outs', 'retries', 'unknown outcomes', 'changes of members', 'removed members return', 'transfers',
  'compactions', 'snapshots', 'snapshots lost', 'writes that wait', 'writes sent again', 'receipts asked',
  'receipts committed', 'receipts rejected',
] as const

/** How often things happened, by name. */
export class Counts {
  readonly all: Record<string, number> = {}

  add (name: string, number = 1): void {
    this.all[name] = (this.all[name] ?? 0) + number
  }

  addAll (others: Record<string, number>): void {
    for (const [name, number] of Object.entries(others)) this.add(name, number)
  }
}
