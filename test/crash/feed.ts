import type { HistoryChange } from '../support/replay.ts'
import { historyChangesMin } from './client.ts'
import type { Ledger } from './ledger.ts'

interface Page {
  status: number
  /** Of the database. */
  revision: number
  changes: HistoryChange[]
  atEnd: boolean
  /** Beside 410. */
  firstRevision?: number
}

/** The first changes of the history are held against what they were when they were read first. */
const changesCompared = 100

/** Reads the feed on from where the ledger stands. Resolves to whether that was all. */
export async function readOn (url: string, ledger: Ledger): Promise<boolean> {
  const page = await read(url, ledger.history.length, 10_000)
  if (page.status !== 200) throw new Error(`after ${ledger.history.length} the feed gave ${JSON.stringify(page)}`)
  ledger.follow(page.changes)
  return page.atEnd
}

/** Follows the feed until the node is gone. */
export async function follow (url: string, ledger: Ledger): Promise<void> {
  for (;;) {
    const page = await read(url, ledger.history.length, 10_000, 30).catch(() => null)
    if (page === null || page.status === 503) return
    if (page.status !== 200) throw new Error(`after ${ledger.history.length} the feed gave ${JSON.stringify(page)}`)
    ledger.follow(page.changes)
  }
}

/**
 * What is gone of the history is gone at its beginning, and no more than that so many changes stay; who asks for it is
 * told so; and what is left begins with what was read there before. Resolves to the revision with which it begins.
 */
export async function checkHistory (url: string, ledger: Ledger, kept = historyChangesMin): Promise<number> {
  for (;;) {
    const { status, firstRevision = 1, revision } = await read(url, 0, 1)
    if (status !== (firstRevision === 1 ? 200 : 410)) throw new Error(`the beginning of the feed was answered ${status}`)
    if (firstRevision > Math.max(1, revision - kept + 1)) {
      throw new Error(`the history begins at ${firstRevision}, although it has come to ${revision} and ${kept} should stay`)
    }
    if (firstRevision > 1) {
      const gone = await read(url, firstRevision - 2, 1)
      if (gone.status !== 410) throw new Error(`the change ${firstRevision - 1} is gone, and was answered ${gone.status}`)
    }
    const page = await read(url, firstRevision - 1, changesCompared)
    // More went meanwhile.
    if (page.status === 410 && page.firstRevision! > firstRevision) continue
    if (page.status !== 200) throw new Error(`after ${firstRevision - 1} the feed gave ${JSON.stringify(page)}`)
    page.changes.forEach((change, at) => ledger.compare(change, firstRevision + at))
    return firstRevision
  }
}

async function read (url: string, since: number, limit: number, block = 0): Promise<Page> {
  const response = await fetch(`${url}/changes?since=${since}&limit=${limit}${block === 0 ? '' : `&block=${block}`}`)
  const revision = Number(response.headers.get('changewell-revision'))
  return { ...await response.json() as Page, status: response.status, revision }
}
