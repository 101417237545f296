import { setTimeout as pause } from 'node:timers/promises'

/** Something that is measured beside others. */
export interface Entrant<Sample> {
  name: string
  measure: () => Promise<Sample>
}

/** Rest between two measurements, in which a server ends what it put off. */
const restMs = 100

/**
 * Measures all in turn, several times: A B C, then B C A. What disturbs the machine for a while so disturbs all alike,
 * and none always goes first.
 *
 * @returns the samples of each, by name and in the order of rounds
 */
export async function inRounds<Sample> (
  entrants: Array<Entrant<Sample>>, rounds: number
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(entrants.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let place = 0; place < entrants.length; place++) {
      const { name, measure } = entrants[(round + place) % entrants.length]!
      try {
        samples.get(name)!.push(await measure())
      } catch (error) {
        throw new Error(`${name} could not be measured`, { cause: error })
      }
      await pause(restMs)
    }
  }
  return samples
}
