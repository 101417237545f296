import type { Canon } from '../canon.ts'
import type { Check } from '../check.ts'
import type { SimNode } from '../node.ts'
import { Violation } from '../violation.ts'

/** All state machines apply the same entries in order, and then hold the same bytes (Raft paper, figure 3). */
export function stateMachineSafety (canon: Canon): Check {
  return {
    applying ({ name, machine, disk: { durable } }, entries) {
      let next = machine.applied.index + 1
      for (const { index, term } of entries) {
        if (index !== next) throw new Violation('state machine safety', `${name} applies entry ${index}, and ${next} is next`)
        const committed = canon.committed(index)
        if (committed?.term !== term) {
          throw new Violation('state machine safety', `${name} applies entry ${index} of term ${term}, and ` +
            (committed === undefined ? 'it is not committed' : `that of term ${committed.term} is committed`))
        }
        if (durable.term(index) !== term && index > durable.before.index) {
          throw new Violation('state machine safety', `${name} applies entry ${index}, which is not on its own disk`)
        }
        next++
      }
    },
    applied (node) {
      for (const { revision, text } of node.machine.changes) canon.change(revision, text.toString(), node.name)
      node.machine.changes = []
      compare(canon, node)
    },
    installed (node) {
      compare(canon, node)
    },
  }
}

function compare ({ checksums }: Canon, { id, name, machine }: SimNode): void {
  const { checksum, applied: { index } } = machine
  const known = checksums.get(index)
  if (known === undefined) checksums.set(index, { checksum, by: id })
  else if (known.checksum !== checksum) {
    throw new Violation('state machine safety', `${name} and ${known.by} differ after entry ${index}`)
  }
}
