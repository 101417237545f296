import type { Test } from 'tap'
import { batches } from './store/batches.ts'
import { endurance } from './store/endurance.ts'
import type { OpenStore } from './store/helpers.ts'
import { reads } from './store/reads.ts'
import { scans } from './store/scans.ts'

/** What every store must do, whichever it is. Runs as tests below `t`. */
export function storeContract (t: Test, open: OpenStore): void {
  batches(t, open)
  reads(t, open)
  scans(t, open)
  endurance(t, open)
}
