import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { project } from '../support/project.ts'

/** Folders that hold no pages of ours. */
const foreign = new Set(['node_modules', 'dist', 'data', '.git', '.tap'])

export interface Page {
  /** Relative to the project. */
  path: string
  text: string
}

/** Every page of the project. */
export async function readPages (folder = project): Promise<Page[]> {
  const pages: Page[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !foreign.has(entry.name)) pages.push(...await readPages(path))
    if (entry.isFile() && entry.name.endsWith('.md')) pages.push({ path: relative(project, path), text: await readFile(path, 'utf8') })
  }
  return pages
}

/** What a page links to within the project: a path relative to it, and an anchor where there is one. */
export function linksOf ({ path, text }: Page): Array<{ target: string, anchor: string | undefined }> {
  const links = [...withoutCode(text).matchAll(/\]\(([^()\s]+)\)/g)].map(([, link = '']) => link)
  return links.filter((link) => !/^[a-z]+:/.test(link)).map((link) => {
    const [file = '', anchor] = link.split('#')
    return { target: file === '' ? path : join(dirname(path), file), anchor }
  })
}

/** The anchors of a page's headings, as forges make them: lower case, no punctuation, hyphens for spaces. */
export function anchorsOf (text: string): string[] {
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => (
    heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-')))
}

/** Blocks of code hold brackets and number signs of their own. */
function withoutCode (text: string): string {
  return text.replace(/^```.*?^```$/gms, '')
}
