/**
 * How a place is locked: shared by those who rely on it, exclusive for who changes it; and the intention to do either
 * to something inside it (Gray et al. 1976, "Granularity of locks in a shared data base"). Each is a bit, and what one
 * owner wants of a place is a set of them.
 */
export const modes = { IS: 1, IX: 2, S: 4, X: 8 } as const

export type Mode = typeof modes[keyof typeof modes]

const { IS, IX, S, X } = modes

const opposites: Record<Mode, number> = { [IS]: X, [IX]: S | X, [S]: IX | X, [X]: IS | IX | S | X }

/** By set of modes: those that nobody else may have meanwhile. */
const conflicts = Array.from({ length: 16 }, (_, set) => (
  Object.values(modes).reduce((sum, mode) => (set & mode) === 0 ? sum : sum | opposites[mode], 0)))

/** Whether what the one set allows cannot stand beside what the other does. */
export function conflictsWith (set: number, other: number): boolean {
  return (conflicts[set]! & other) !== 0
}

/** What is shown on the places around one that is locked so. */
export function intentionOf (mode: Mode): Mode {
  return mode === S || mode === IS ? IS : IX
}

export const modeNames = ['IS', 'IX', 'S', 'SIX', 'X'] as const

export type ModeName = typeof modeNames[number]

/** What a set of modes comes to; shared, and with the intention to change something inside, is SIX. */
export function nameOf (set: number): ModeName {
  if ((set & X) !== 0) return 'X'
  if ((set & S) !== 0) return (set & IX) !== 0 ? 'SIX' : 'S'
  return (set & IX) !== 0 ? 'IX' : 'IS'
}
