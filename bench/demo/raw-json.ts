/**
 * The text of the member `data` of a change or an entry, as it came: it is the last one. A quote inside a string is
 * always escaped, so that the first `,"data":` is the member itself.
 */
export function dataOf (text: string): string | null {
  const name = ',"data":'
  const at = text.indexOf(name)
  return at === -1 ? null : text.slice(at + name.length, -1)
}

/** The texts of the elements of the first array in a JSON text, as they came. */
export function elementsOf (text: string): string[] {
  const elements: string[] = []
  const opening = text.indexOf('[')
  let start = opening + 1
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const sign = text[at]!
    if (sign === '"') at = endOfString(text, at)
    else if (sign === '{' || sign === '[') depth++
    else if ((sign === ',' || sign === ']') && depth === 0) {
      if (at > start) elements.push(text.slice(start, at))
      start = at + 1
      if (sign === ']') break
    } else if (sign === '}' || sign === ']') depth--
  }
  return elements
}

/** Where the string that begins at a quote ends. */
function endOfString (text: string, quote: number): number {
  let at = quote + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}
