/** The command that runs the seed again. */
export function replayCommand (seed: number): string {
  return `npm run simulate -- --seed ${seed}`
}
