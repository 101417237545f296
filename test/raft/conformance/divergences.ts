/** A command whose output must differ from the transcript's, and why. */
export interface Divergence {
  /** The transcript's path in the folder. */
  file: string
  /** The command's line, as it stands there. */
  command: string
  reason: string
}

export const divergences: readonly Divergence[] = []
