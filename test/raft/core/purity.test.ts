import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const raft = new URL('../../../plugins/raft/', import.meta.url)
const core = new URL('core/', raft)

function source (file: URL): string {
  // Comments may speak of what the code may not do.
  return readFileSync(file, 'utf8').replace(/\/\*[^]*?\*\//g, '').replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, '')
}

function imports (text: string): string[] {
  const statements = text.matchAll(/^(?:import|export)\b[^'=]*?\bfrom '([^']+)'|^import '([^']+)'/gm)
  return [...statements].map(([, from, alone]) => from ?? alone!)
}

const impure: { [what: string]: RegExp } = {
  'a clock': /\bDate\b|\bperformance\b|\bhrtime\b|\buptime\b/,
  'a timer': /\bset(Timeout|Interval|Immediate)\b|\bnextTick\b|\bqueueMicrotask\b/,
  chance: /\bMath\.random\b|\bcrypto\b|\brandomUUID\b/,
  'a promise': /\bPromise\b|\basync\b|\bawait\b|\.then\s*\(/,
  'a logger or the process': /\bconsole\b|\blog(ger)?\.(debug|info|warn|error)\b|\bprocess\b|\bglobalThis\b/,
  'I/O': /\bfetch\s*\(|\brequire\s*\(|\bimport\s*\(/,
}

t.test('Mistake 13: nothing slow runs inside the consensus turn: the core knows nothing but its own files', async (t) => {
  const files = readdirSync(core)
  t.ok(files.length > 20)
  for (const name of files) {
    t.match(name, /^[a-z-]+\.ts$/, 'all of it is here')
    const text = source(new URL(name, core))
    for (const specifier of imports(text)) t.match(specifier, /^\.\/[a-z-]+\.ts$/, `${name} imports ${specifier}`)
    for (const [what, sign] of Object.entries(impure)) t.notMatch(text, sign, `${name} has no use for ${what}`)
  }
})

t.test('Mistake 13: the driver knows nothing but the core', async (t) => {
  const text = source(new URL('driver.ts', raft))
  t.same([...new Set(imports(text))], ['./core/index.ts'])
  for (const [what, sign] of Object.entries(impure)) t.notMatch(text, sign, `it has no use for ${what}`)
})
