/** Something was seen that must never be. */
export class Violation extends Error {
  /** Which promise was broken. */
  readonly invariant: string

  constructor (invariant: string, message: string) {
    super(message)
    this.name = 'Violation'
    this.invariant = invariant
  }
}
