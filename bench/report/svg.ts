/** Readable on white and on black alike; a picture itself has no background. */
export const ink = '#7d8590'

export interface TextPlace {
  x: number
  y: number
  anchor?: 'start' | 'middle' | 'end'
  size?: number
  weight?: number
}

export function text ({ x, y, anchor = 'start', size = 13, weight = 400 }: TextPlace, words: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}" font-weight="${weight}" ` +
    `fill="${ink}">${escape(words)}</text>`
}

/** The whole picture. */
export function svg (title: string, { width, height }: { width: number, height: number }, parts: string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `role="img" font-family="system-ui, sans-serif">\n<title>${escape(title)}</title>\n${parts.join('\n')}\n</svg>\n`
}

function escape (words: string): string {
  return words.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
