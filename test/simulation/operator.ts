import {
  allMembers, encodeChange, entryTypes, isJoint, isVoter, leaveJoint,
} from '../../plugins/raft/core/index.ts'
import type { Configuration, ConfigurationChange, MemberChange, NodeId, Transition } from '../../plugins/raft/core/index.ts'
import type { Cluster } from './cluster.ts'
import { describeConfiguration, shortId } from './describe.ts'
import type { SimNode } from './node.ts'
import type { World } from './world.ts'
import { about, say } from './world.ts'

const membersMax = 7

/** A learner that lacks no more than this is taken to have caught up. */
const caughtUpEntries = 10

/** Wishes of those who run the cluster: members come and go, and leadership is handed on. */
export class Operator {
  readonly #world: World
  readonly #cluster: Cluster
  /** Members that are to become voters, as soon as they have caught up. */
  readonly #joining = new Set<NodeId>()

  constructor (world: World, cluster: Cluster) {
    this.#world = world
    this.#cluster = cluster
  }

  start (): void {
    const { plan, calm, events } = this.#world
    events.after(about(this.#world, calm ? 50_000 : plan.operatorMicros), async () => {
      await this.#act()
      this.start()
    })
  }

  /** Nobody is still to become a voter, and no member's disk is lost. */
  get isDone (): boolean {
    const { configuration, nodes } = this.#cluster
    return ![...this.#joining].some((id) => configuration.learners.includes(id)) &&
      !allMembers(configuration).some((id) => nodes.get(id)?.lost === true)
  }

  async #act (): Promise<void> {
    const leader = this.#cluster.leaders.at(0)
    if (leader === undefined) return
    const { plan, chance, calm } = this.#world
    const { configuration } = leader.status
    if (isJoint(configuration)) {
      if (!configuration.autoLeave) this.#change(leader, leaveJoint)
      return
    }
    if (this.#replaceLost(leader, configuration) || this.#promote(leader) || calm) return
    const act = chance.weighted<'transfer' | 'member' | 'none'>(
      [[plan.transfers, 'transfer'], [plan.membership, 'member'], [0.5, 'none']])
    if (act === 'transfer') this.#transfer(configuration)
    if (act === 'member') await this.#member(leader, configuration)
  }

  #transfer (configuration: Configuration): void {
    const { chance, counts } = this.#world
    const asked = chance.pick(this.#cluster.up)
    const to = chance.pick(chance.chance(0.9) ? configuration.voters : allMembers(configuration))
    counts.add('transfers')
    say(this.#world, 'operator', () => `asks ${asked.name} to hand leadership to ${shortId(to)}`)
    asked.nudge((core) => { core.transferLeadership(to) })
  }

  /** A member whose disk is lost never comes back under its id. */
  #replaceLost (leader: SimNode, configuration: Configuration): boolean {
    const lost = allMembers(configuration).find((id) => this.#cluster.nodes.get(id)?.lost === true)
    if (lost === undefined) return false
    this.#change(leader, { transition: this.#transition(), changes: [{ type: 'remove', node: lost }] })
    return true
  }

  #promote (leader: SimNode): boolean {
    const node = this.#caughtUp(leader).find((id) => this.#joining.has(id))
    if (node === undefined) return false
    this.#change(leader, { transition: this.#transition(), changes: [{ type: 'voter', node }] })
    return true
  }

  /** Learners that can become voters: who has nothing yet does not vote. */
  #caughtUp (leader: SimNode): NodeId[] {
    const { commit, members } = leader.status
    return [...members]
      .filter(([, { learner, match }]) => learner && match > 0 && match + caughtUpEntries >= commit)
      .map(([id]) => id)
  }

  async #member (leader: SimNode, configuration: Configuration): Promise<void> {
    const { chance } = this.#world
    const { voters, learners } = configuration
    const ready = chance.shuffled(this.#caughtUp(leader))
    const wishes: (readonly [number, () => MemberChange[]])[] = []
    const voter = (node: NodeId): MemberChange => ({ type: 'voter', node })
    const remove = (node: NodeId): MemberChange => ({ type: 'remove', node })
    const some = chance.shuffled(voters)
    if (voters.length > 1) {
      wishes.push([voters.length > 3 ? 3 : 1, () => [remove(some[0]!)]])
      if (isVoter(configuration, leader.id)) wishes.push([1, () => [remove(leader.id)]])
      wishes.push([1, () => [{ type: 'learner', node: some[0]! }]])
    }
    if (voters.length > 3) wishes.push([2, () => [remove(some[0]!), remove(some[1]!)]])
    if (learners.length > 0) wishes.push([1, () => [remove(chance.pick(learners))]])
    if (ready.length > 0) {
      wishes.push([2, () => [voter(ready[0]!)]])
      wishes.push([3, () => [voter(ready[0]!), remove(some[0]!)]])
      wishes.push([1, () => [voter(ready[0]!), remove(leader.id)]])
    }
    if (ready.length > 1) {
      wishes.push([3, () => [...ready.slice(0, 2).map(voter), ...some.slice(0, 2).map(remove)]])
    }
    const mayGrow = allMembers(configuration).length < membersMax
    if (mayGrow && (wishes.length === 0 || chance.chance(0.5))) {
      await this.#join(leader)
    } else if (wishes.length > 0) {
      this.#change(leader, { transition: this.#transition(), changes: chance.weighted(wishes)() })
    }
  }

  /** A new node, or one that was removed and has its disk still, begins as a learner, perhaps to be promoted. */
  async #join (leader: SimNode): Promise<void> {
    const { chance, counts } = this.#world
    const removed = this.#cluster.up.filter((node) => node.wasMember && !this.#cluster.isNeeded(node.id))
    const returns = removed.length > 0 && chance.chance(0.5)
    const { id } = returns ? chance.pick(removed) : await this.#cluster.add()
    if (returns) counts.add('removed members return')
    if (chance.chance(0.5)) this.#joining.add(id)
    this.#change(leader, { transition: this.#transition(), changes: [{ type: 'learner', node: id }] })
  }

  #transition (): Transition {
    return this.#world.chance.weighted([[6, 'auto'], [3, 'implicit'], [1, 'explicit']])
  }

  #change (leader: SimNode, change: ConfigurationChange): void {
    const { counts } = this.#world
    const text = change.changes.map(({ type, node }) => `${type} ${shortId(node)}`).join(', ')
    const result = leader.propose([{ type: entryTypes.configuration, data: encodeChange(change) }])
    if (result.result === 'appended') counts.add('changes of members')
    say(this.#world, 'operator', () => `asks ${leader.name}: ${change.transition} ${text || 'leave'}: ${result.result}; ` +
      `now ${describeConfiguration(leader.status.configuration)}`)
  }
}
