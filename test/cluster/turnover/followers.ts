import type { Test } from 'tap'
import { StreamReader } from '../../feeds/stream-reader.ts'
import type { HistoryChange } from '../../support/replay.ts'
import type { Cluster, ClusterNode } from '../cluster.ts'
import { Copy } from './copy.ts'
import { stays } from './operation.ts'

export interface Follower {
  what: string
  copy: Copy
  /** Why the copy could not go on. */
  fault: Error | null
  done: Promise<void>
}

/** What says how far to follow, once that is known. */
export interface End {
  revision: number
}

/** A node that is up, another one each turn; waits while there is none. */
async function someNode ({ up }: Cluster, turn: number): Promise<ClusterNode | null> {
  if (up.length > 0) return up[turn % up.length]!
  await new Promise((resolve) => { setTimeout(resolve, 20) })
  return null
}

/** Follows in pages, each from another node, or takes a snapshot first. */
export function followPages (what: string, cluster: Cluster, end: End, copy = new Copy()): Follower {
  return follow(what, copy, end, async (turn) => {
    const node = await someNode(cluster, turn)
    const answer = await node?.get(`/changes?since=${copy.revision}&limit=20&block=1`)
    return answer?.status === 200 ? answer.body.changes as HistoryChange[] : []
  })
}

export async function followSnapshot (what: string, cluster: Cluster, end: End): Promise<Follower> {
  const response = await fetch(`${cluster.up[0]!.url}/snapshot`)
  return followPages(what, cluster, end, Copy.of(await response.text()))
}

/** Follows a stream of the tenant that stays and all below it, and resumes at another node when it ends. */
export function followStream (t: Test, what: string, cluster: Cluster, end: End): Follower {
  const copy = new Copy()
  return follow(what, copy, end, async (turn) => {
    const node = await someNode(cluster, turn)
    if (node === null) return []
    const since = copy.revision
    const url = `${node.url}/changes?tenant=${stays}&descendants=true`
    const reader = await StreamReader.open(t, url, { framing: turn % 2 === 0 ? 'sse' : 'ndjson', since })
    await enough(reader, since, end)
    reader.close()
    return reader.changes
  })
}

/** Resolves when the stream has brought some changes, or the last one, or has ended. */
async function enough ({ changes, ended }: StreamReader, since: number, end: End): Promise<void> {
  const stream = { isOpen: true }
  void ended.then(() => { stream.isOpen = false })
  while (stream.isOpen && changes.length < 100 && (changes.at(-1)?.revision ?? since) < end.revision) {
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
}

function follow (what: string, copy: Copy, end: End, read: (turn: number) => Promise<HistoryChange[]>): Follower {
  const follower: Follower = { what, copy, fault: null, done: Promise.resolve() }
  follower.done = (async () => {
    for (let turn = 0; copy.revision < end.revision && follower.fault === null; turn++) {
      // A node that was killed gives nothing; the next one goes on.
      const changes = await read(turn).catch(() => [])
      try {
        for (const change of changes) copy.apply(change)
      } catch (error) {
        follower.fault = error as Error
      }
    }
  })()
  return follower
}
