import type { V1Pod } from '@kubernetes/client-node'

/** What this program writes to pods, and reads there. */
export const annotations = {
  /** Mirrors the file node-id on the pod's volume. */
  nodeId: 'changewell.io/node-id',
  clusterId: 'changewell.io/cluster-id',
  /** Which Lease guards the cluster: tells the clusters of one namespace apart, before and after they have an id. */
  lease: 'changewell.io/lease',
} as const

/** A pod, as far as discovery goes. */
export interface Pod {
  name: string
  uid: string
  /** Null until the kubelet has given it one. */
  ip: string | null
  /** Of the container port with the name that is looked for; null where there is none. */
  port: number | null
  nodeId: string | null
  clusterId: string | null
  lease: string | null
  isReady: boolean
  /** It was deleted, and its containers may still run. */
  isTerminating: boolean
  /** Its containers have ended for good. */
  isOver: boolean
  createdAt: number
}

export function podOf (pod: V1Pod, portName: string): Pod {
  const { metadata = {}, spec, status = {} } = pod
  const notes = metadata.annotations ?? {}
  const ports = spec?.containers.flatMap((container) => container.ports ?? []) ?? []
  return {
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    ip: status.podIP ?? null,
    port: ports.find(({ name }) => name === portName)?.containerPort ?? null,
    nodeId: idIn(notes[annotations.nodeId]),
    clusterId: idIn(notes[annotations.clusterId]),
    lease: notes[annotations.lease] ?? null,
    isReady: status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    isTerminating: metadata.deletionTimestamp !== undefined,
    isOver: status.phase === 'Succeeded' || status.phase === 'Failed',
    createdAt: timeOf(metadata.creationTimestamp),
  }
}

/** Anybody may write annotations: what is no id counts as nothing. */
export function idIn (text: string | undefined): string | null {
  return text !== undefined && /^[0-9a-f]{16}$/.test(text) ? text : null
}

/** Calls bring dates, watches bring texts. */
function timeOf (time: Date | string | undefined): number {
  return time === undefined ? 0 : new Date(time).getTime()
}
