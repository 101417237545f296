/**
 * The routes of a table as a design page has it, as `GET /changes`: a row's first cell holds them as code, with several
 * methods before one path, `...` for what the path before begins with, and no method where it is GET.
 */
export function routesOf (page: string): string[] {
  const routes: string[] = []
  let last = ''
  for (const line of page.split('\n')) {
    const cell = /^\| (`.*?) \|/.exec(line)?.[1] ?? ''
    for (const [, code = ''] of cell.matchAll(/`([^`]*)`/g)) {
      const [, methods = 'GET', path] = /^(?:([A-Z]+(?:, [A-Z]+)*) )?((?:\.\.\.)?\/\S*)$/.exec(code) ?? []
      if (path === undefined) continue
      last = path.startsWith('...') ? joined(last, path.slice(3)) : path
      routes.push(...methods.split(', ').map((method) => `${method} ${last}`))
    }
  }
  return routes
}

/** `/a/b/c` and `/b/d` share `b`, and make `/a/b/d`; without a shared segment one follows the other. */
function joined (before: string, rest: string): string {
  const [, first] = rest.split('/')
  const segments = before.split('/')
  const at = segments.indexOf(first!)
  return (at === -1 ? before : segments.slice(0, at).join('/')) + rest
}
