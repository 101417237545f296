/** A number to three digits that mean something, thousands parted: 12,300 and 0.0456. */
export function shown (value: number): string {
  if (!Number.isFinite(value)) return 'n/a'
  return Number(value.toPrecision(3)).toLocaleString('en-GB', { maximumSignificantDigits: 3 })
}

/** How many times: 2.31×. */
export function times (ratio: number): string {
  return `${shown(ratio)}×`
}
