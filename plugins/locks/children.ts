interface Named {
  readonly name: string
}

/** What is inside a place, by name. One that is alone, as it is most often, needs no map. */
export class Children<Child extends Named> {
  #one: Child | null = null
  #others: Map<string, Child> | null = null

  get (name: string): Child | undefined {
    if (this.#one !== null && this.#one.name === name) return this.#one
    return this.#others?.get(name)
  }

  add (child: Child): void {
    if (this.#one === null) this.#one = child
    else (this.#others ??= new Map()).set(child.name, child)
  }

  remove (child: Child): void {
    if (this.#one === child) this.#one = null
    else this.#others!.delete(child.name)
  }
}
