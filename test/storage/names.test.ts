import fc from 'fast-check'
import t from 'tap'
import { collectionNameFault, keyFault, tagFault, tenantNameFault } from '../../storage/names.ts'

const control = 'must not contain control characters'
const half = 'must not contain half of a surrogate pair'
const long = (bytes: number) => 'x'.repeat(bytes)
const path = (segments: number) => Array.from({ length: segments }, (_, index) => `s${index}`).join('/')

/** For the names of assertions: a line separator in one would end it. */
const shown = (text: string) =>
  text.slice(0, 30).replace(/[^ -~]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

t.test('good tenant names', async t => {
  for (const name of [
    'coke', 'coke/deployments', 'a', '1a', '1/2', 'a b', 'é', 'über/ω', '日本', '😀', 'a_b', 'a/_b', '...', '.a', 'a.',
    '%2F', '?#&', 'A', '-1', '1.5', path(16), long(128), [long(128), long(128), long(128), long(125)].join('/'),
  ]) {
    t.equal(tenantNameFault(name), null, shown(name))
  }
})

t.test('bad tenant names, and why', async t => {
  const cases: [string, string][] = [
    ['', 'must not be empty'],
    [path(17), 'must have at most 16 segments between slashes (it has 17)'],
    [long(129), 'must have segments of at most 128 bytes (one has 129)'],
    ['é'.repeat(65), 'must have segments of at most 128 bytes (one has 130)'],
    [long(513), 'must be at most 512 bytes of UTF-8 (it is 513)'],
    ['/', "must not begin or end with '/', nor have two together"],
    ['/a', "must not begin or end with '/', nor have two together"],
    ['a/', "must not begin or end with '/', nor have two together"],
    ['a//b', "must not begin or end with '/', nor have two together"],
    ['.', "must not have the segment '.'"],
    ['a/..', "must not have the segment '..'"],
    ['../a', "must not have the segment '..'"],
    [' a', 'must not have white space at the beginning or end of a segment'],
    ['a/b\u3000', 'must not have white space at the beginning or end of a segment'],
    ['a /b', 'must not have white space at the beginning or end of a segment'],
    ['\ufeffa', 'must not contain characters that cannot be seen (found U+FEFF at position 0)'],
    ['a\u200bb', 'must not contain characters that cannot be seen (found U+200B at position 1)'],
    ['gpj.\u202eexe', 'must not contain characters that cannot be seen (found U+202E at position 4)'],
    ['a/\u{e0041}', 'must not contain characters that cannot be seen (found U+E0041 at position 2)'],
    ['a\\b', 'must not contain a backslash (found at position 1)'],
    ['abc\0', `${control} (found U+0000 at position 3)`],
    ['a\nb', `${control} (found U+000A at position 1)`],
    ['\x7f', `${control} (found U+007F at position 0)`],
    ['a\x9f', `${control} (found U+009F at position 1)`],
    ['a\u2028', 'must not contain line separators (found U+2028 at position 1)'],
    ['a\u2029b', 'must not contain line separators (found U+2029 at position 1)'],
    ['a\ud800', `${half} (found U+D800 at position 1)`],
    ['😀\udc00a', `${half} (found U+DC00 at position 2)`],
    ['42', 'must not be a number alone: it would read as the id of a tenant'],
    ['_system', "must not begin with '_': such names are reserved"],
    ['_', "must not begin with '_': such names are reserved"],
    ['e\u0301', 'must be in the Unicode normal form NFC: else two different names would look alike'],
    ['\u212b', 'must be in the Unicode normal form NFC: else two different names would look alike'],
  ]
  for (const [name, reason] of cases) t.equal(tenantNameFault(name), reason, shown(name))
})

t.test('collections share the rules for characters, and have their own for lengths', async t => {
  for (const name of ['nodes', 'non-free/libs', '42', 'a b', 'é', path(17), long(256), 'a/_b']) {
    t.equal(collectionNameFault(name), null, shown(name))
  }
  const cases: [string, string][] = [
    ['', 'must not be empty'],
    [long(257), 'must be at most 256 bytes of UTF-8 (it is 257)'],
    ['_nodes', "must not begin with '_': such names are reserved"],
    ['a/../b', "must not have the segment '..'"],
    ['a//b', "must not begin or end with '/', nor have two together"],
    ['a\\b', 'must not contain a backslash (found at position 1)'],
    ['a\t', `${control} (found U+0009 at position 1)`],
    ['\udfff', `${half} (found U+DFFF at position 0)`],
    ['o\u0308', 'must be in the Unicode normal form NFC: else two different names would look alike'],
  ]
  for (const [name, reason] of cases) t.equal(collectionNameFault(name), reason, shown(name))
})

t.test('a key may be nearly anything', async t => {
  for (const key of [
    'a', '/', '//', ' ', ' a ', '...', './', '../..', 'a\\b', '_', '42', '__proto__', 'é', 'e\u0301', '\u2028', '😀',
    long(64),
  ]) {
    t.equal(keyFault(key, 64), null, shown(key))
  }
  t.equal(keyFault('', 64), 'must not be empty')
  t.equal(keyFault(long(65), 64), 'must be at most 64 bytes of UTF-8 (it is 65)')
  t.equal(keyFault('é', 1), 'must be at most 1 bytes of UTF-8 (it is 2)')
  t.equal(keyFault('.', 64), "must not be '.': paths of addresses lose it on their way")
  t.equal(keyFault('..', 64), "must not be '..': paths of addresses lose it on their way")
  t.equal(keyFault('a\0', 64), `${control} (found U+0000 at position 1)`)
  t.equal(keyFault('a\ud83d', 64), `${half} (found U+D83D at position 1)`)
})

t.test('a tag may be nearly anything too', async t => {
  for (const tag of ['a', '.', '..', 'env=eu west', 'é', long(64)]) t.equal(tagFault(tag, 64), null, shown(tag))
  t.equal(tagFault('', 64), 'must not be empty')
  t.equal(tagFault(long(65), 64), 'must be at most 64 bytes of UTF-8 (it is 65)')
  t.equal(tagFault('a\0b', 64), `${control} (found U+0000 at position 1)`)
  t.equal(tagFault('\udc00', 64), `${half} (found U+DC00 at position 0)`)
})

t.test('every name that is let through survives UTF-8, one line and a path', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.string({ unit: fc.constantFrom('a', '/', '.', '_', ' ', '\ud800', '\udc00', '\u0301', '\\', '\x85', '1') })
  )
  fc.assert(fc.property(text, name => {
    for (const fault of [tenantNameFault(name), collectionNameFault(name), keyFault(name, 100), tagFault(name, 100)]) {
      if (fault !== null) continue
      if (name === '' || Buffer.from(name).toString() !== name) return false
      // Control characters, general category Cc.
      if (/\p{Cc}/u.test(name) || decodeURIComponent(encodeURIComponent(name)) !== name) return false
    }
    if (tenantNameFault(name) !== null) return true
    const { pathname } = new URL(`http://localhost/tenants/${name.split('/').map(encodeURIComponent).join('/')}`)
    return decodeURIComponent(pathname) === `/tenants/${name}` && name.normalize('NFC') === name
  }), { numRuns: 1000 })
})
