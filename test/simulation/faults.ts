import { allMembers, entryTypes, isJoint, isVoter } from '../../plugins/raft/core/index.ts'
import type { Cluster } from './cluster.ts'
import type { SimNode } from './node.ts'
import type { World } from './world.ts'
import { about, say } from './world.ts'

/** What goes wrong, until the calm. */
export class Faults {
  readonly #world: World
  readonly #cluster: Cluster

  constructor (world: World, cluster: Cluster) {
    this.#world = world
    this.#cluster = cluster
  }

  start (): void {
    const { plan, chance, events } = this.#world
    const { partitions, crashes, stalls, fullDisks, lostDisks, nudges } = plan
    events.after(about(this.#world, plan.faultMicros), async () => {
      if (this.#world.calm) return
      await chance.weighted<() => void | Promise<void>>([
        [partitions, () => { this.#partition() }],
        [partitions / 2, () => { this.#heal() }],
        [crashes, () => this.#crash()],
        [crashes / 4, () => this.#crashAll()],
        [crashes / 2, () => { this.#crashInWrite() }],
        [stalls, () => { this.#stall() }],
        [fullDisks, () => { this.#fillDisk() }],
        [lostDisks, () => this.#loseDisk()],
        [nudges, () => { this.#nudge() }],
        [0.5, () => this.#retireRemoved()],
      ])()
      this.start()
    })
  }

  /**
   * Everything works from now on. Without pre-votes, candidates whose configurations differ, because one has not heard
   * of a change, can be ahead of each other in terms for ever: so nodes go on with them.
   */
  async end (): Promise<void> {
    this.#world.calm = true
    this.#cluster.network.heal()
    for (const node of this.#cluster.nodes.values()) {
      node.diskFull = false
      node.disk.stalledUntil = 0
      if (!this.#world.plan.preVote) await node.crash('stopped, to ask with pre-votes from now on')
    }
    say(this.#world, 'world', () => 'the calm begins')
  }

  #count (fault: string): void {
    this.#world.counts.add(fault)
  }

  #partition (): void {
    const { chance } = this.#world
    const { network, nodes, leaders } = this.#cluster
    const ids = chance.shuffled([...nodes.keys()].filter((id) => this.#cluster.isMember(id)))
    const leader = leaders.at(0)?.id
    const side = chance.chance(0.3) && leader !== undefined ? [leader] : ids.slice(0, chance.between(1, ids.length))
    const isOneWay = chance.chance(0.4)
    const inwards = chance.chance(0.5)
    if (chance.chance(0.7)) network.heal()
    for (const from of side) {
      for (const to of ids) {
        if (side.includes(to)) continue
        if (!isOneWay || !inwards) network.cut(from, to)
        if (!isOneWay || inwards) network.cut(to, from)
      }
    }
    this.#count(isOneWay ? 'one-way partitions' : 'partitions')
    say(this.#world, 'network', () => `${isOneWay ? inwards ? 'nothing gets to' : 'nothing gets from' : 'cuts off'} ` +
      side.map((id) => nodes.get(id)!.name).join(' '))
  }

  #heal (): void {
    this.#cluster.network.heal()
    say(this.#world, 'network', () => 'is whole')
  }

  async #crash (): Promise<void> {
    const { chance } = this.#world
    const { leaders, up } = this.#cluster
    if (up.length === 0) return
    const node = chance.chance(0.4) && leaders.length > 0 ? leaders[0]! : chance.pick(up)
    this.#count('crashes')
    await node.crash('crash')
    this.#restartLater(node)
  }

  async #crashAll (): Promise<void> {
    this.#count('power losses')
    for (const node of this.#cluster.up) {
      await node.crash('power loss')
      this.#restartLater(node)
    }
  }

  /** Some of what is being written may then be there, and some not. */
  #crashInWrite (): void {
    const { chance, events, plan } = this.#world
    if (this.#cluster.up.length === 0) return
    const node = chance.pick(this.#cluster.up)
    node.onWrite = () => {
      node.onWrite = null
      events.after(chance.between(0, plan.syncMicros), async () => {
        if (!node.isUp || this.#world.calm) return
        this.#count('crashes in a write')
        await node.crash('crash in the midst of a write')
        this.#restartLater(node)
      })
    }
  }

  #restartLater (node: SimNode): void {
    const { events, chance } = this.#world
    events.after(chance.pick([1_000, 50_000, 400_000]), () => {
      if (node.isUp || node.lost || this.#world.calm) return
      node.diskFull = false
      node.start()
    })
  }

  #stall (): void {
    const { chance } = this.#world
    if (this.#cluster.up.length === 0) return
    const node = chance.pick(this.#cluster.up)
    const micros = chance.pick([20_000, 100_000, 500_000])
    this.#count('disk stalls')
    say(this.#world, node.name, () => `'s disk stalls for ${micros / 1000} ms`)
    node.disk.stall(micros)
  }

  /** The next write fails, and the node stops. */
  #fillDisk (): void {
    if (this.#cluster.up.length === 0) return
    const node = this.#world.chance.pick(this.#cluster.up)
    this.#count('full disks')
    say(this.#world, node.name, () => '\'s disk is full')
    node.diskFull = true
    this.#world.events.after(500_000, () => {
      node.diskFull = false
      this.#restartLater(node)
    })
  }

  /** One at a time, and only where the others can go on without it, as Raft promises no more. */
  async #loseDisk (): Promise<void> {
    const { chance } = this.#world
    const { configuration, nodes, ahead } = this.#cluster
    const { applied } = ahead.machine
    const changing = [...nodes.values()].some(({ disk: { shown } }) => {
      for (let index = applied.index + 1; index <= shown.lastIndex; index++) {
        if (shown.entry(index)?.type === entryTypes.configuration) return true
      }
      return false
    })
    const members = allMembers(configuration)
    if (changing || isJoint(configuration) || members.some((id) => nodes.get(id)?.lost === true)) return
    const node = nodes.get(chance.pick(members))!
    if (isVoter(configuration, node.id) && configuration.voters.length < 3) return
    this.#count('lost disks')
    say(this.#world, node.name, () => 'loses its disk')
    await node.crash('its disk is lost')
    node.lost = true
  }

  /** What operators and transports tell the core, at odd moments. */
  #nudge (): void {
    const { chance } = this.#world
    const { up, nodes } = this.#cluster
    if (up.length === 0) return
    const node = chance.pick(up)
    const other = chance.pick([...nodes.keys()])
    this.#count('nudges')
    const [what, nudge] = chance.pick([
      ['campaign', (core) => { core.campaign() }],
      ['forget the leader', (core) => { core.forgetLeader() }],
      ['step down', (core) => { core.stepDown() }],
      ['count another as unreachable', (core) => { core.reportUnreachable(other) }],
    ] satisfies [string, Parameters<SimNode['nudge']>[0]][])
    say(this.#world, node.name, () => `is told to ${what}`)
    node.nudge(nudge)
  }

  /** Of those that were removed, one is stopped; others run on. */
  async #retireRemoved (): Promise<void> {
    const removed = this.#cluster.up.filter((node) => node.wasMember && !this.#cluster.isNeeded(node.id))
    await removed.at(0)?.crash('was removed, and stops')
  }
}
