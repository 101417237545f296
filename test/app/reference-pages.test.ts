import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { referencePages } from '../../app/commands/docs.ts'
import { settings } from '../../app/config.ts'
import { explainedErrors } from '../../app/errors-page.ts'
import { variableName } from '../../app/read-settings.ts'
import { settingsTable } from '../../app/settings-table.ts'

test('the reference pages are as `npm run docs` makes them', async (t) => {
  for (const [name, text] of Object.entries(referencePages())) {
    const found = await readFile(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8')
    t.equal(found, text, `docs/reference/${name} is stale: run npm run docs`)
  }
})

test('the table of settings has a line with a meaning for each setting', async (t) => {
  const lines = settingsTable().split('\n').map((line) => line.trim())
  for (const name of Object.keys(settings)) {
    t.match(lines.find((line) => line.startsWith(`${variableName(name)} `)), /^\S+ {2,}\S+.* {2,}[A-Z]/)
  }
})

test('every error has a title without and a detail with a full stop, and an error status', async (t) => {
  for (const { code, status, title, detail, members } of explainedErrors()) {
    t.ok(status >= 400 && status < 600, code)
    t.match(title, /^[A-Z].*[^.]$/, code)
    t.match(detail, /^["\w/].*[^.]\.$/, code)
    t.notMatch(detail, /undefined|\[object/, code)
    t.ok(members.length > 0, code)
  }
})
