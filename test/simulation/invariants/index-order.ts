import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/** purged <= flushed <= applied <= committed <= last, on every node, and its disk is asked to keep all of it. */
export function indexOrder (): Check {
  return {
    started ({ name, disk: { durable }, machine: { applied, flushedIndex } }) {
      inOrder(name, ['purged', durable.before.index], ['flushed', flushedIndex], ['applied', applied.index],
        ['last', durable.lastIndex])
    },
    turned ({ name, disk, machine }, { firstIndex, applied, commit, lastIndex }) {
      if (lastIndex !== disk.shown.lastIndex) {
        throw new Violation('index order',
          `${name} takes its log to end at ${lastIndex}, and its disk was given entries up to ${disk.shown.lastIndex}`)
      }
      if (disk.durable.before.index > machine.flushedIndex || machine.flushedIndex > machine.applied.index ||
        firstIndex - 1 > commit || applied > machine.applied.index || applied > commit || commit > lastIndex) {
        inOrder(name, ['purged', disk.durable.before.index], ['flushed', machine.flushedIndex],
          ['applied by the machine', machine.applied.index])
        inOrder(name, ['purged', firstIndex - 1], ['committed', commit], ['last', lastIndex])
        inOrder(name, ['applied', applied], ['applied by the machine', machine.applied.index])
        inOrder(name, ['applied', applied], ['committed', commit])
      }
    },
  }
}

function inOrder (who: string, ...indexes: readonly [name: string, index: number][]): void {
  if (indexes.every(([, index], at) => at === 0 || indexes[at - 1]![1] <= index)) return
  throw new Violation('index order', `${who}: ${indexes.map(([name, index]) => `${name} ${index}`).join(', ')}`)
}
