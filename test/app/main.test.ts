import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { version } from '../../app/version.ts'
import { folder, run } from './command.ts'

test('changewell --help lists the commands, and --version says the version', async (t) => {
  const help = await run(t, ['--help'])
  t.match(help, { code: 0, stdout: /serve +run a node/, stderr: '' })
  t.strictSame(await run(t, ['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  t.same(await run(t, ['-h']), help)
  t.same(await run(t, ['help']), help)
  t.strictSame((await run(t, ['-v'])).stdout, `${version}\n`)
  t.same(await run(t, ['help', 'serve']), await run(t, ['serve', '--help']))
})

test('an unknown command, or none, is answered with help and exit code 2', async (t) => {
  for (const args of [[], ['sevre'], ['constructor']]) {
    t.match(await run(t, args), { code: 2, stdout: '', stderr: /Usage: changewell <command>/ })
  }
})

test('changewell serve --help shows the table of settings', async (t) => {
  const { code, stdout } = await run(t, ['serve', '--help'])
  t.equal(code, 0)
  t.match(stdout, /CHANGEWELL_PORT +9000 +\S/)
})

test('changewell docs writes the reference pages', async (t) => {
  const target = folder(t)
  t.match(await run(t, ['docs', target]), { code: 0, stdout: /settings\.md/ })
  t.match(await readFile(`${target}/settings.md`, 'utf8'), /CHANGEWELL_PORT/)
  t.match(await readFile(`${target}/errors.md`, 'utf8'), /## INTERNAL/)
})
