import fc from 'fast-check'

/** One JSON value written twice: with white space wherever it may stand, and with none. */
export interface Spelling {
  spaced: string
  compact: string
}

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 })

const scalar: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'null', 'true', 'false', '0', '-0', '1.0', '1e400', '-1E-7', '12345678901234567890', '0.1e+10',
    '""', '" , : { "', '"\\u0041\\ud800"', '"\\/"', '"a\\"b\\\\"', '"\u2028é😀"', '"data"'
  ),
  fc.string({ unit: 'binary', maxLength: 8 }).map(text => JSON.stringify(text)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.maxSafeInteger().map(String)
)

const memberName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('"data"', '"__proto__"', '"constructor"', '""', '"1"'),
  fc.string({ unit: 'binary', maxLength: 4 }).map(text => JSON.stringify(text))
)

/** Any JSON value, members that are there twice included. */
export const spelling: fc.Arbitrary<Spelling> = fc.letrec<{ value: Spelling }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar.map(text => ({ spaced: text, compact: text })),
    fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4 }).chain(elements => space.map(empty => ({
      spaced: bracketed('[', elements.map(([before, { spaced }, after]) => before + spaced + after), ']', empty),
      compact: `[${elements.map(([, { compact }]) => compact).join(',')}]`,
    }))),
    fc.array(fc.tuple(space, memberName, space, tie('value')), { maxLength: 4 }).chain(members => space.map(empty => ({
      spaced: bracketed(
        '{', members.map(([a, name, b, { spaced }]) => `${a}${name}${b}:${a}${spaced}${b}`), '}', empty
      ),
      compact: `{${members.map(([, name, , { compact }]) => `${name}:${compact}`).join(',')}}`,
    })))
  ),
})).value

/** JSON text with a few characters put in, taken out or exchanged: most of it is wrong, some of it is still right. */
export const damaged: fc.Arbitrary<string> = fc.tuple(
  spelling,
  fc.array(fc.tuple(
    fc.nat(),
    fc.nat({ max: 1 }),
    fc.constantFrom('', ',', ':', '{', '}', '[', ']', '"', '\\', '0', '-', '.', 'e', 'u', 't', ' ', '\n', '\0', '\ufeff')
  ), { minLength: 1, maxLength: 3 })
).map(([{ spaced }, edits]) => {
  let text = spaced
  for (const [place, removed, added] of edits) {
    const at = place % (text.length + 1)
    text = text.slice(0, at) + added + text.slice(at + removed)
  }
  return text
})

function bracketed (open: string, parts: string[], close: string, empty: string): string {
  return open + (parts.length === 0 ? empty : parts.join(',')) + close
}
