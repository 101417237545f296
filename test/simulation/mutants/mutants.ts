import { clientsAndRoles } from './clients-and-roles.ts'
import { commits } from './commits.ts'
import { electionsAndDisks } from './elections-and-disks.ts'
import { membersAndSnapshots } from './members-and-snapshots.ts'
import type { Mutant } from './mutant.ts'
import { receipts } from './receipts.ts'

/** In the order of the mistakes (docs/internals/raft.md). */
export const mutants: readonly Mutant[] = [
  ...electionsAndDisks, ...commits, ...membersAndSnapshots, ...clientsAndRoles, ...receipts,
]
