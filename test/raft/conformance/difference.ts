import type { Difference } from './runner.ts'

/** The lines that differ, between those before and after that do not. */
export function describeDifference ({ command, expected, actual, reason }: Difference): string {
  const wanted = expected.split('\n')
  const got = actual.split('\n')
  const before = commonLength(wanted, got)
  const shorter = Math.min(wanted.length, got.length)
  const after = Math.min(commonLength(wanted.toReversed(), got.toReversed()), shorter - before)
  return [
    `line ${command.line}: ${command.text}${reason === undefined ? '' : ` (known: ${reason})`}`,
    ...wanted.slice(0, before).map((line) => `    ${line}`),
    ...wanted.slice(before, wanted.length - after).map((line) => `  - ${line}`),
    ...got.slice(before, got.length - after).map((line) => `  + ${line}`),
    ...wanted.slice(wanted.length - after).map((line) => `    ${line}`),
  ].join('\n')
}

function commonLength (one: readonly string[], other: readonly string[]): number {
  const differs = one.findIndex((line, at) => line !== other[at])
  return differs === -1 ? one.length : differs
}
