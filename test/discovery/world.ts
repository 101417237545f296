import { until, type NodeProcess } from '../support/node.ts'
import type { Host } from './network.ts'

interface Seen {
  id: string
  leader: string | null
  members: { id: string, state: string, peerAddress: string, apiAddress: string }[]
}

/** The cluster in the eyes of the node at that address, asked from that host; null while it does not answer. */
export async function seen (from: Host, address: string): Promise<Seen | null> {
  const answer = await from.get(`http://${address}/cluster`)
  return answer?.status === 200 ? answer.body as unknown as Seen : null
}

/** Resolves to the peers' addresses of all voters when there are so many, and all of them agree. */
export async function voters (from: Host, addresses: string[], count = addresses.length): Promise<string[]> {
  let found: string[] = []
  await until(async () => {
    const views = await Promise.all(addresses.map((address) => seen(from, address)))
    const lists = views.map((view) => view === null || view.leader === null
      ? []
      : view.members.filter(({ state }) => state === 'voter').map(({ peerAddress }) => peerAddress).sort())
    found = lists[0] ?? []
    return found.length === count && new Set(lists.map(String)).size === 1
  }, `${count} voters`, 90)
  return found
}

/** Resolves when the node's log has said so. */
export async function says (node: NodeProcess, words: RegExp): Promise<string> {
  let line: string | undefined
  await until(() => {
    line = node.lines.find((text) => words.test(text))
    return line !== undefined
  }, `a line with ${words}`, 60).catch((error: Error) => {
    throw new Error(`${error.message}; the newest:\n${node.lines.slice(-20).join('\n')}`)
  })
  return line!
}
