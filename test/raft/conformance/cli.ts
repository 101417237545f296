import { describeDifference } from './difference.ts'
import { folder, playFile, transcripts } from './runner.ts'

/** Plays all transcripts, and says what differs. The exit code is 1 when that is more than what is known to. */

const files = transcripts()
if (files === null || files.length === 0) {
  console.error(`no transcripts in ${folder}: set RAFT_CONFORMANCE to the folder that holds them`)
  process.exit(1)
}

const results = files.map(playFile)
const width = Math.max(...files.map((file) => file.length))
console.log(`${'file'.padEnd(width)}  commands  matched  differing`)
const total = { commands: 0, differing: 0, unknown: 0 }
for (const { file, commands, differences } of results) {
  printRow(file, commands, differences.length)
  total.commands += commands
  total.differing += differences.length
  total.unknown += differences.filter(({ reason }) => reason === undefined).length
}
printRow(`${files.length} files`, total.commands, total.differing)

for (const { file, differences } of results) {
  for (const difference of differences) console.log(`\n${file}, ${describeDifference(difference)}`)
}
process.exitCode = total.unknown > 0 ? 1 : 0

function printRow (name: string, commands: number, differing: number): void {
  const matched = String(commands - differing).padStart(7)
  console.log(`${name.padEnd(width)}  ${String(commands).padStart(8)}  ${matched}  ${String(differing).padStart(9)}`)
}
