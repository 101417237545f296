import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Database } from '../../storage/database.ts'
import type { ConsensusStatus } from './consensus.ts'
import type { LogEvent } from './log/index.ts'
import type { MemberView } from './node-options.ts'
import type { SnapshotProgress } from './snapshots/index.ts'

const secondsBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5]
const sizeBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

export interface Watched {
  database: Database
  status: () => ConsensusStatus
  members: () => MemberView[]
  pending: () => number
}

/** The figures of the way of a write: log, apply, batches, and where the node stands. */
export function raftMetrics (registry: Registry): {
  onLogEvent: (event: LogEvent) => void
  onApplied: (event: { commands: number, seconds: number }) => void
  onSnapshot: (event: SnapshotProgress) => void
  onLeader: () => void
  watch: (watched: Watched) => void
} {
  const registers = [registry]
  const sync = new Histogram({
    name: 'changewell_log_sync_seconds', help: 'Time of one durable write to the log', buckets: secondsBuckets, registers,
  })
  const syncBytes = new Counter({ name: 'changewell_log_written_bytes_total', help: 'Bytes written to the log', registers })
  const batch = new Histogram({
    name: 'changewell_log_batch_entries', help: 'Entries made durable by one write to the log', buckets: sizeBuckets, registers,
  })
  const apply = new Histogram({
    name: 'changewell_apply_seconds', help: 'Time of applying one batch of commands to the database', buckets: secondsBuckets, registers,
  })
  const applyBatch = new Histogram({
    name: 'changewell_apply_batch_commands', help: 'Commands applied to the database in one write', buckets: sizeBuckets, registers,
  })
  const applied = new Counter({ name: 'changewell_commands_applied_total', help: 'Commands applied to the database', registers })
  const leaders = new Counter({
    name: 'changewell_raft_leader_changes_total', help: 'Times that this node saw another leader, or none', registers,
  })
  const fetched = new Gauge({
    name: 'changewell_snapshot_fetched_bytes', help: 'Bytes of the snapshot that this node has got so far', registers,
  })
  const total = new Gauge({
    name: 'changewell_snapshot_total_bytes', help: 'Bytes of the snapshot that this node is getting', registers,
  })
  const installed = new Counter({
    name: 'changewell_snapshots_installed_total', help: 'Snapshots that took the place of the database', registers,
  })
  return {
    onLogEvent (event) {
      if (event.type !== 'sync') return
      sync.observe(event.seconds)
      syncBytes.inc(event.bytes)
      batch.observe(event.entries)
    },
    onLeader () {
      leaders.inc()
    },
    onSnapshot ({ state, bytes, totalBytes }) {
      const isOver = state === 'installed'
      fetched.set(isOver ? 0 : bytes)
      if (totalBytes !== null) total.set(isOver ? 0 : totalBytes)
      if (isOver) installed.inc()
    },
    onApplied ({ commands, seconds }) {
      apply.observe(seconds)
      applyBatch.observe(commands)
      applied.inc(commands)
    },
    watch ({ database, status, members, pending }) {
      gauge('changewell_revision', 'The version number of the database', () => database.revision)
      gauge('changewell_first_revision', 'The oldest revision in the history', () => database.firstRevision)
      gauge('changewell_tenants', 'Tenants in the catalog', () => database.catalog.tenantCount)
      gauge('changewell_cache_bytes', 'Memory taken by values of keys', () => database.cache.bytes)
      gauge('changewell_raft_term', 'The current term', () => status().term)
      gauge('changewell_raft_is_leader', 'Whether this node leads', () => status().leader === status().nodeId ? 1 : 0)
      gauge('changewell_raft_has_leader', 'Whether this node knows a leader', () => status().leader === null ? 0 : 1)
      gauge('changewell_raft_commit_index', 'The newest committed entry', () => status().commitIndex)
      gauge('changewell_raft_applied_index', 'The newest applied entry', () => status().appliedIndex)
      gauge('changewell_writes_pending', 'Writes whose outcome is waited for', pending)
      peers('changewell_peer_connected', 'Whether this node reaches the other', ({ peer }) => peer && Number(peer.connected))
      peers('changewell_peer_sent_bytes', 'Bytes sent to the other', ({ peer }) => peer && peer.bytesSent)
      peers('changewell_peer_received_bytes', 'Bytes received from the other', ({ peer }) => peer && peer.bytesReceived)
      peers('changewell_peer_dropped_messages', 'Messages that could not be sent', ({ peer }) => peer && peer.messagesDropped)
      peers('changewell_raft_match_index', 'The newest entry that the other is known to hold', ({ matchIndex, peer }) => (
        peer && matchIndex))

      function peers (name: string, help: string, read: (member: MemberView) => number | null): void {
        // eslint-disable-next-line no-new
        new Gauge({
          name,
          help,
          labelNames: ['peer'],
          registers,
          collect () {
            this.reset()
            for (const member of members()) {
              const value = read(member)
              if (value !== null) this.set({ peer: member.id }, value)
            }
          },
        })
      }
    },
  }

  function gauge (name: string, help: string, read: () => number): void {
    // eslint-disable-next-line no-new
    new Gauge({ name, help, registers, collect () { this.set(read()) } })
  }
}
