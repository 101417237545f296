import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { endChildren } from '../children.ts'
import { Client } from '../client/client.ts'
import { startChangewell, startChangewellCluster } from '../contenders/changewell.ts'
import type { Contender } from '../contenders/contender.ts'
import { describe, profilingArgs, stretch, type Profiled } from '../profile/run.ts'
import { shown } from '../report/numbers.ts'
import { dataFolder, keys, value } from './house.ts'
import type { SuiteOptions } from './suite.ts'

const warmupSeconds = 2

/** Where the time goes while a node takes writes: by part and by function, from V8's own profile of its main thread. */
export async function profile (options: SuiteOptions): Promise<void> {
  await inFolder(async (folder) => {
    const node = await startChangewell({
      dist: options.dist, dataDir: join(folder, 'changewell'), nodeArgs: profilingArgs(folder),
    })
    await run(options, node, [{ title: 'The node', pid: node.pid, folder }], 64)
  })
}

/** The same of the leader of three nodes and of a follower, at 64 and at 256 connections. */
export async function clusterProfile (options: SuiteOptions): Promise<void> {
  for (const connections of [64, 256]) {
    await inFolder(async (folder) => {
      const folders = ['leader', 'follower'].map((name) => join(folder, name))
      // The first leads, and the last is like the one before it.
      const nodeArgs = (n: number): string[] => n <= folders.length ? profilingArgs(folders[n - 1]!) : []
      const nodes = await startChangewellCluster({ dist: options.dist, folder: join(folder, 'changewell'), nodeArgs })
      const [leader, follower] = nodes.pids as [number, number, number]
      await run(options, nodes, [
        { title: 'The leader', pid: leader, folder: folders[0]! },
        { title: 'A follower', pid: follower, folder: folders[1]! },
      ], connections)
    })
  }
}

async function run (
  { quick, say }: SuiteOptions, contender: Contender, profiled: Profiled[], connections: number
): Promise<void> {
  const requests = keys.map((key) => contender.put(key, value))
  const { port } = contender
  const client = new Client()
  await client.load({ port, requests, connections, seconds: warmupSeconds, warmupSeconds: 0 })
  let summary = ''
  const seconds = quick ? 3 : 10
  const spent = await stretch(profiled, async () => {
    const { perSecond, answers, p50Ms } = await client.load({ port, requests, connections, seconds, warmupSeconds: 0 })
    summary = `${shown(perSecond)} writes a second while profiled, p50 ${shown(p50Ms)} ms.`
    return answers
  })
  await contender.stop()
  await client.close()
  say(`# Profile of writes at ${connections} connections\n\n${summary}\n`)
  say(await describe(profiled, spent))
}

async function inFolder (work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await dataFolder()
  try {
    await work(folder)
  } finally {
    await endChildren()
    await rm(folder, { recursive: true, force: true })
  }
}
