import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { endChildren } from '../children.ts'
import { Client } from '../client/client.ts'
import { startBareFastify } from '../contenders/bare-fastify.ts'
import { makeCertificates } from '../contenders/certificates.ts'
import { startChangewell, startChangewellCluster, type ClusterOptions } from '../contenders/changewell.ts'
import type { Contender } from '../contenders/contender.ts'
import { startEtcd, startEtcdCluster } from '../contenders/etcd.ts'
import type { Pace } from '../measure/pace.ts'

/** The servers of a run and the client that asks them. */
export interface House {
  folder: string
  client: Client
  pace: Pace
  changewell: Contender
  /** With its newest changes hardly in memory, so that pages come from its disk. */
  changewellFromDisk: Contender
  /** Changewell in other ways. */
  others: Contender[]
  /** Absent beside a cluster. */
  bare: Contender | null
  etcd: Contender | null
}

/** Keys that writes are spread over and reads ask for. */
export const keys = Array.from({ length: 10_000 }, (_, at) => `key-${String(at).padStart(6, '0')}`)

/** A value of 200 bytes, as configuration looks. */
export const value = `{"name":"frontend","replicas":3,"image":"registry.example/frontend:1.2.3","settings":"${'x'.repeat(112)}"}`

/** Starts all in a folder of their own; `use` gets them, and all end with it. */
export async function withHouse<T> (dist: string, pace: Pace, use: (house: House) => Promise<T>): Promise<T> {
  const folder = await dataFolder()
  try {
    const data = (name: string) => join(folder, name)
    const house: House = {
      folder,
      pace,
      client: new Client(),
      changewell: await startChangewell({ dist, dataDir: data('changewell') }),
      changewellFromDisk: await startChangewell({
        dist, dataDir: data('changewell-from-disk'), env: { CHANGEWELL_FEED_TAIL_BYTES_MAX: '65536' },
      }, 'Changewell from disk'),
      others: [],
      bare: await startBareFastify(),
      etcd: await startEtcd(data('etcd')),
    }
    await fill(house.client, [...contendersOf(house), house.changewellFromDisk])
    return await use(house)
  } finally {
    await endChildren()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Those that are compared, Changewell first. */
export function contendersOf ({ changewell, others, bare, etcd }: House): Contender[] {
  return [changewell, ...others, bare, etcd].filter((contender) => contender !== null)
}

/** So many times each key is written first: a server that has just started is compiled while it runs. */
const fillings = 4

/** Every server gets a value for each key, so that there is something to read, and is warm then. */
export async function fill (client: Client, contenders: (Contender | null)[], times = fillings): Promise<void> {
  for (const contender of contenders) {
    if (contender === null) continue
    const requests = keys.map((key) => contender.put(key, value))
    for (let filled = 0; filled < times; filled++) await client.send(contender, requests)
  }
}

/** Three nodes of Changewell and three of etcd, spoken to through whichever leads. */
export async function withClusters<T> (dist: string, pace: Pace, use: (house: House) => Promise<T>): Promise<T> {
  return await amongClusters(pace, async (folder) => ({
    changewell: await startChangewellCluster({ dist, folder: join(folder, 'changewell') }),
    others: [],
    etcd: await startEtcdCluster(join(folder, 'etcd')),
  }), use)
}

/** Three nodes with TLS throughout, others with it only between nodes and without it, and three of etcd with it. */
export async function withTlsClusters<T> (dist: string, pace: Pace, use: (house: House) => Promise<T>): Promise<T> {
  return await amongClusters(pace, async (folder) => {
    const certificates = await makeCertificates(dist, join(folder, 'certs'))
    const start = (name: string, options: Partial<ClusterOptions>): Promise<Contender> => (
      startChangewellCluster({ dist, name, folder: join(folder, name.replaceAll(/\W/g, '-')), ...options }))
    return {
      changewell: await start('TLS throughout', { certificates, isForClients: true }),
      others: [await start('TLS between nodes', { certificates }), await start('no TLS', {})],
      etcd: await startEtcdCluster(join(folder, 'etcd'), { name: 'etcd, TLS throughout', certificates }),
    }
  }, use)
}

type Clusters = Pick<House, 'changewell' | 'others' | 'etcd'>

async function amongClusters<T> (
  pace: Pace, start: (folder: string) => Promise<Clusters>, use: (house: House) => Promise<T>
): Promise<T> {
  const folder = await dataFolder()
  try {
    const clusters = await start(folder)
    const { changewell: changewellFromDisk } = clusters
    const house: House = { folder, pace, client: new Client(), changewellFromDisk, bare: null, ...clusters }
    await fill(house.client, contendersOf(house))
    return await use(house)
  } finally {
    await endChildren()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Under `data/` of the project: a system's own temporary folder may be in memory, where a sync costs nothing. */
export async function dataFolder (): Promise<string> {
  await mkdir('data', { recursive: true })
  return await mkdtemp(join('data', 'bench-'))
}
