/** The value below which a share of the values lies (0.5 is the median): the nearest rank of a sorted list. */
export function quantile (sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

/** The middle of values in any order; between the two middle ones when they are even in number. */
export function median (values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return (quantile(sorted, 0.5) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2
}
