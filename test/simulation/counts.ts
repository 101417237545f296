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
