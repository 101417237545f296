import t from 'tap'
import { describeDifference } from './difference.ts'
import { folder, playFile, transcripts } from './runner.ts'

const files = transcripts()

if (files === null) {
  t.test('the core does what the transcripts say', { skip: `there is no folder ${folder}` }, () => {})
} else {
  for (const file of files) {
    t.test(`the core does what ${file} says`, async (t) => {
      const { commands, differences } = playFile(file)
      const unknown = differences.filter(({ reason }) => reason === undefined)
      t.ok(commands > 0, 'there are commands to play')
      t.strictSame(unknown.map(describeDifference), [], 'nothing differs but what is known to')
    })
  }
}
