/** Something that was asked, and answered later. It took effect at one moment between; unanswered, perhaps never. */
export interface Asked {
  called: number
  /** Infinity when no answer came. */
  returned: number
  /** The state after it, if this is the state before; null when what was answered does not fit that state. */
  effect (state: number): number | null
}

/**
 * Whether some order of all that was asked explains the answers, each taking effect between its question and its
 * answer (Wing and Gong 1993, with the cache of Lowe 2017). What was never answered may come at any time, or never.
 */
export function isLinearizable (asked: readonly Asked[], initial: number): boolean {
  const calls = [...asked].sort((a, b) => a.called - b.called)
  const tried = new Set<string>()
  const done = calls.map(() => false)
  let left = calls.filter(({ returned }) => returned !== Infinity).length

  function search (state: number): boolean {
    if (left === 0) return true
    const name = `${state} ${doneName(done)}`
    if (tried.has(name)) return false
    tried.add(name)
    // Whoever is next began before anybody who is not done was answered.
    let firstReturn = Infinity
    for (const [at, call] of calls.entries()) {
      if (call.called > firstReturn) break
      if (!done[at]) firstReturn = Math.min(firstReturn, call.returned)
    }
    for (const [at, call] of calls.entries()) {
      if (call.called > firstReturn) break
      if (done[at]) continue
      const next = call.effect(state)
      if (next === null) continue
      done[at] = true
      if (call.returned !== Infinity) left--
      if (search(next)) return true
      done[at] = false
      if (call.returned !== Infinity) left++
    }
    return false
  }

  return search(initial)
}

/** How many from the beginning are done, and which of those after them. */
function doneName (done: readonly boolean[]): string {
  const first = done.indexOf(false)
  const last = done.lastIndexOf(true)
  let name = `${first}:`
  for (let at = first; at <= last; at++) name += done[at] ? '1' : '0'
  return name
}
