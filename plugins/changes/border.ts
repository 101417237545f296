import type { FastifyInstance } from 'fastify'
import type { Page } from '../../storage/history.ts'

export type View = NonNullable<ReturnType<ReturnType<FastifyInstance['access']['of']>['view']>>

/**
 * What of a page comes before a rename that changes what its reader may see. The reader stops there, and is told why
 * when it asks for what follows.
 *
 * @throws Problem RIGHTS_CHANGED when nothing comes before it.
 */
export function beforeBorder (page: Page, view: Pick<View, 'isBorder' | 'border'> | null): Page {
  if (view === null || view.isBorder === null) return page
  const at = page.changes.findIndex(view.isBorder)
  if (at === -1) return page
  const { revision } = page.changes[at]!
  if (at === 0) throw view.border(revision)
  return { changes: page.changes.slice(0, at), lastRevision: revision - 1 }
}
