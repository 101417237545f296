import { allMembers, entryTypes, isJoint, isVoter } from '../../plugins/raft/core/index.ts'
import type { NodeId } from '../../plugins/raft/core/index.ts'
import type { Cluster } from './cluster.ts'
import type { SimNode } from './node.ts'
import type { World } from './world.ts'
import { about, say } from './world.ts'

const huntMicros = 1_500_000

/** What goes wrong, until the calm. */
export class Faults {
  readonly #world: World
  readonly #cluster: Cluster
  #huntUntil = 0

  constructor (world: World, cluster: Cluster) {
    this.#world = world
    this.#cluster = cluster
  }

  start (): void {
    const { plan, chance, events } = this.#world
    const { partitions, crashes, stalls, fullDisks, lostDisks, hunts, nudges } = plan
    events.after(about(this.#world, plan.faultMicros), async () => {
      if (this.#world.calm) return
      // A hunt needs elections, which other faults would hinder.
      const hunted = events.now < this.#huntUntil && chance.chance(0.8)
      if (!hunted) {
        await chance.weighted<() => void | Promise<void>>([
          [partitions, () => { this.#partition() }],
          [partitions / 2, () => { this.#heal() }],
          [crashes, () => this.#crash()],
          [crashes / 4, () => this.#crashAll()],
          [crashes / 2, () => { this.#crashInWrite() }],
          [stalls, () => { this.#stall() }],
          [fullDisks, () => { this.#fillDisk() }],
          [lostDisks, () => this.#loseDisk()],
          [hunts, () => { this.#hunt() }],
          [nudges, () => { this.#nudge() }],
          [0.5, () => this.#retireRemoved()],
        ])()
      }
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
    // Nor may anybody, now or after a crash, have only an older configuration that cannot do without it.
    const known = members.flatMap((id) => nodes.get(id)!.machine.configurations)
    const isRequired = known.some(({ configuration: held }) => (
      isVoter(held, node.id) && (held.voters.length < 3 || held.votersOutgoing.length > 0)))
    if (isRequired) return
    this.#count('lost disks')
    say(this.#world, node.name, () => 'loses its disk')
    await node.crash('its disk is lost')
    node.lost = true
  }

  /**
   * For a while every leader is cut off with a minority, or crashes, soon after its election: it leaves entries on some
   * logs and not on others (Raft paper, figures 7 and 8). Mostly one node is with all of them, so that its log is
   * replaced again and again.
   */
  #hunt (): void {
    const { events, chance, plan } = this.#world
    const { network, nodes } = this.#cluster
    const members = [...nodes.keys()].filter((id) => this.#cluster.isMember(id))
    const slow = members.filter((id) => nodes.get(id)!.disk.isSlow)
    const friend = chance.pick(slow.length > 0 ? slow : members)
    let struckTerm = 0
    const look = (): void => {
      if (this.#world.calm || events.now > this.#huntUntil) return
      const leader = this.#cluster.leaders.at(0)
      if (leader !== undefined && leader.status.term > struckTerm) {
        struckTerm = leader.status.term
        const slow = chance.weighted([[6, []], [2, [friend]], [2, members]])
        for (const id of slow) network.slow(id, leader.id, chance.between(50_000, 400_000))
        const soonMicros = 8 * plan.networkMicros + 3 * plan.syncMicros
        events.after(chance.between(0, soonMicros), () => this.#strike(leader, friend))
      }
      events.after(1_000, look)
    }
    this.#huntUntil = events.now + huntMicros
    this.#count('hunts')
    network.heal()
    look()
  }

  async #strike (leader: SimNode, friend: NodeId): Promise<void> {
    const { chance, calm } = this.#world
    if (calm || !leader.isUp) return
    this.#count('leaders struck')
    if (chance.chance(0.25)) {
      await leader.crash('crash')
      this.#restartLater(leader)
      return
    }
    const { network, nodes } = this.#cluster
    const others = chance.shuffled([...nodes.keys()].filter((id) => id !== leader.id && this.#cluster.isMember(id)))
    if (others.includes(friend) && chance.chance(0.7)) others.unshift(...others.splice(others.indexOf(friend), 1))
    if (chance.chance(0.4)) {
      this.#lastWords(leader, friend, others)
      return
    }
    // With the leader there is never a majority.
    const friends = [leader.id, ...others.splice(0, chance.below((others.length >> 1) + 1))]
    network.heal()
    for (const id of friends) {
      if (chance.chance(0.3)) nodes.get(id)!.disk.stall(500_000)
      for (const other of others) {
        network.cut(id, other)
        network.cut(other, id)
      }
    }
    say(this.#world, 'network', () => `cuts off ${friends.map((id) => nodes.get(id)!.name).join(' ')}`)
  }

  /** Of all nodes only one hears the leader for a while longer, and then goes on with the others. */
  #lastWords (leader: SimNode, friend: NodeId, others: readonly NodeId[]): void {
    const { chance, events } = this.#world
    const { network, nodes } = this.#cluster
    network.heal()
    const cut = (ids: readonly NodeId[]): void => {
      for (const id of ids) {
        network.cut(leader.id, id)
        network.cut(id, leader.id)
      }
    }
    cut(others.filter((id) => id !== friend))
    say(this.#world, 'network', () => `leaves ${leader.name} only ${nodes.get(friend)!.name}`)
    events.after(chance.between(0, 60_000), () => { if (!this.#world.calm) cut(others) })
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
