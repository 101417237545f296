/** Why something keeps the node from serving, or null when nothing does. It is asked often, and must be quick. */
export type ReadinessCheck = () => string | null

/**
 * Whether the node should get requests. Each plugin that can be unable to serve says so by a check of its own; draining
 * says that the node could serve, but is about to leave.
 */
export class Readiness {
  readonly #checks = new Map<string, ReadinessCheck>()
  #draining: string | null = null

  /**
   * Adds a check.
   *
   * @throws when the name is taken
   */
  register (name: string, check: ReadinessCheck): void {
    if (this.#checks.has(name)) throw new Error(`there is a readiness check ${name} already`)
    this.#checks.set(name, check)
  }

  /** What each check says. A check that throws counts as a reason: an answer must come, whatever is broken. */
  checks (): Record<string, string | null> {
    return Object.fromEntries([...this.#checks].map(([name, check]) => {
      try {
        return [name, check()]
      } catch (error) {
        return [name, `the check failed: ${(error as Error).message}`]
      }
    }))
  }

  /** What keeps the node from serving, draining apart: `storage: the disk is full`. Empty when it can serve. */
  reasons (): string[] {
    return Object.entries(this.checks()).flatMap(([name, reason]) => reason === null ? [] : [`${name}: ${reason}`])
  }

  /** Why the node is going out of service, or null. */
  get draining (): string | null {
    return this.#draining
  }

  /** Takes the node out of service: load balancers stop sending to it, while it still serves what comes. */
  drain (reason: string): void {
    this.#draining = reason
  }

  undrain (): void {
    this.#draining = null
  }
}
