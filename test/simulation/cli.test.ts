import t from 'tap'
import { readOptions, UsageError } from './cli/options.ts'

t.test('the command takes one seed, many, or the mutants', async (t) => {
  t.strictSame(readOptions(['--seed', '0']), { mode: 'seed', seed: 0, trace: null })
  t.match(readOptions(['--seeds', '20', '--from', '5', '--jobs', '3']), { mode: 'seeds', from: 5, seeds: 20, jobs: 3 })
  t.match(readOptions([]), { mode: 'seeds', from: 1, seeds: 100 })
  t.match(readOptions(['--mutants']), { mode: 'mutants', from: 1, seeds: 2000 })
  t.strictSame(readOptions(['--help']), { mode: 'help' })
})

t.test('wrong arguments are refused, with a word on what is wrong', async (t) => {
  const wrong: [string[], RegExp][] = [
    [['--sedes', '3'], /--sedes/],
    [['--seeds', 'many'], /--seeds takes a whole number from 1/],
    [['--seeds', '0'], /--seeds takes a whole number from 1/],
    [['--seed', '-1'], /--seed/],
    [['--seed', '1', '--jobs', '2'], /--jobs has no meaning/],
    [['--trace', 'file'], /--trace goes with --seed/],
    [['7'], /7/],
  ]
  for (const [args, message] of wrong) {
    t.throws(() => readOptions(args), message, args.join(' '))
    try {
      readOptions(args)
    } catch (error) {
      t.ok(error instanceof UsageError)
    }
  }
})
