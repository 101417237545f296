import t from 'tap'
import fc from 'fast-check'
import { emptyConfiguration, entryTypes } from '../../../plugins/raft/core/index.ts'
import type { Message } from '../../../plugins/raft/core/index.ts'
import type { ProposalOutcome } from '../../../plugins/raft/driver.ts'
import { DrivenNode, Drivers } from './drivers.ts'

function sent (node: DrivenNode): string[] {
  return node.deeds.flatMap((deed) => deed.did === 'send' ? [`${deed.message.type} to ${deed.message.to}`] : [])
}

t.test('Mistake 2: a new term is durable before any message of it', async (t) => {
  const cluster = new Drivers()
  const node = cluster.node('1')
  node.run(({ core }) => { core.campaign() })
  t.same(sent(node), [])
  t.match(node.deeds, [{ did: 'persist', request: { hardState: { term: 1, vote: '1' }, mustSync: true } }])
  node.persistOne()
  t.same(sent(node), ['vote to 2', 'vote to 3'])
})

t.test('What follows a new term waits with it, and is sent in order', async (t) => {
  const cluster = new Drivers()
  const node = cluster.node('2')
  const heartbeat = (context: string): Message => (
    { type: 'heartbeat', from: '1', to: '2', term: 7, commit: 0, context })
  for (const context of ['a', 'b']) node.run(({ core }) => { core.step(heartbeat(context)) })
  t.same(cluster.wire, [])
  node.persistOne()
  t.match(cluster.wire, [{ context: 'a' }, { context: 'b' }])
})

t.test('Mistake 3: nothing is acknowledged before the disk is done', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const node = cluster.node('2')
  cluster.node('1').propose('x')
  node.deeds = []
  while (cluster.wire.length > 0) cluster.deliver()
  t.same(sent(node), [])
  node.persistOne()
  t.same(sent(node), ['append-response to 1'])
})

t.test('A leader sends entries while its disk writes them', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const node = cluster.node('1')
  node.deeds = []
  node.propose('x')
  t.same(sent(node), ['append to 2', 'append to 3'])
  t.same(node.deeds.filter(({ did }) => did === 'persisted'), [])
})

t.test('A leader sends entries while its disk writes them, also when the commit index is new', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const node = cluster.node('1')
  node.propose('x')
  node.persistOne()
  node.deeds = []
  // One turn brings the news that x is committed, and the next proposal.
  node.driver.core.step(
    { type: 'append-response', from: '2', to: '1', term: 1, index: 2, reject: false, hint: 0, hintTerm: 0 })
  node.propose('y')
  t.match(node.deeds.find(({ did }) => did === 'persist'), {
    request: { hardState: { term: 1, commit: 2 }, entries: [{ index: 3 }], mustSync: true },
  })
  t.ok(sent(node).includes('append to 2'))
})

t.test('Only a new commit index asks for no sync', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  cluster.node('1').propose('x')
  cluster.settle()
  const commits = cluster.node('2').deeds.filter((deed) => deed.did === 'persist' && deed.request.entries.length === 0)
  t.match(commits.at(-1), { request: { hardState: { commit: 2 }, mustSync: false } })
})

t.test('A proposal is answered with what the state machine says', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const outcomes = cluster.node('1').propose('x')
  t.same(outcomes, [], 'not before it is applied')
  cluster.settle()
  t.match(outcomes, [{ result: 'applied', outcome: 'x' }])
})

t.test('A proposal is refused where nobody leads', async (t) => {
  t.same(new Drivers().node('1').propose('x'), [{ result: 'refused', reason: 'no-leader' }])
})

t.test('A proposal in whose place another was committed is lost for certain', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  cluster.apart = '1'
  const outcomes = cluster.node('1').propose('x')
  cluster.settle()
  cluster.elect('2')
  t.same(outcomes, [])
  cluster.apart = null
  cluster.node('2').run((driver) => { driver.tick() })
  cluster.node('2').propose('y')
  cluster.settle()
  t.same(outcomes, [{ result: 'lost' }])
  t.same(cluster.node('1').texts, ['', '', 'y'])
})

t.test('Mistake 14: a proposal whose leader lost its place is unknown, not failed: it may be committed yet', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const outcomes = cluster.node('1').propose('x')
  cluster.settle()
  outcomes.length = 0
  const second = cluster.node('1').propose('y')
  // It arrives, but no answer does: node 1 hears of the next leader before it hears of the fate of y.
  for (let at = 0; at < 2; at++) cluster.deliver()
  cluster.apart = '1'
  cluster.settle()
  cluster.node('1').run(({ core }) => { core.stepDown() })
  t.same(second, [], 'nobody says that it failed')
  cluster.elect('2')
  cluster.apart = null
  cluster.node('2').run((driver) => { driver.tick() })
  cluster.node('2').propose('z')
  cluster.settle()
  t.match(second, [{ result: 'applied', outcome: 'y' }])
})

t.test('A proposal that a snapshot covers is unknown: the state machine knows', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  cluster.apart = '1'
  const node = cluster.node('1')
  const outcomes = node.propose('x')
  cluster.settle()
  const configuration = { ...emptyConfiguration, voters: ['1', '2', '3'] }
  node.run(({ core }) => {
    core.step({ type: 'snapshot', from: '2', to: '1', term: 2, snapshot: { index: 9, term: 2, configuration } })
  })
  t.same(outcomes, [])
  while (node.persistOne());
  t.same(outcomes, [{ result: 'unknown' }])
})

t.test('Mistake 3: a snapshot is durable before it is acknowledged', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const node = cluster.node('2')
  node.deeds = []
  const configuration = { ...emptyConfiguration, voters: ['1', '2', '3'] }
  node.run(({ core }) => {
    core.step({ type: 'snapshot', from: '1', to: '2', term: 1, snapshot: { index: 9, term: 1, configuration } })
  })
  t.match(node.deeds, [{ did: 'persist', request: { snapshot: { index: 9 }, mustSync: true } }])
  node.persistOne()
  t.same(sent(node), ['append-response to 1'])
})

t.test('Each change of the configuration ends a request to apply, which carries what is in force then', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const node = cluster.node('1')
  const requests: unknown[] = []
  const { apply } = node
  node.apply = (request, done) => {
    requests.push([request.entries.map(({ type }) => type), request.configuration?.learners])
    apply.call(node, request, done)
  }
  const learner = Buffer.from([0, 1, 1, '4'.charCodeAt(0)])
  node.run(({ core }) => {
    core.propose([
      { type: entryTypes.command, data: Buffer.from('a') },
      { type: entryTypes.configuration, data: learner },
      { type: entryTypes.command, data: Buffer.from('b') },
    ])
  })
  cluster.settle()
  t.same(requests, [[[0, 1], ['4']], [[0], undefined]])
})

t.test('A read is served once what it must see is applied', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const node = cluster.node('1')
  node.propose('x')
  node.persistOne()
  while (!node.deeds.some((deed) => deed.did === 'apply' && deed.texts.includes('x'))) {
    cluster.node('2').persistOne()
    cluster.deliver()
  }
  node.run(({ core }) => { core.readIndex() })
  while (cluster.wire.length > 0) cluster.deliver()
  t.notOk(node.deeds.some(({ did }) => did === 'read'))
  node.applyOne()
  t.match(node.deeds.slice(-2), [{ did: 'applied', texts: ['x'] }, { did: 'read' }])
})

t.test('Mistake 21: a hung disk makes the leader step down, and it never acknowledges', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const node = cluster.node('1')
  const outcomes = node.propose('x')
  cluster.apart = '1'
  for (let tick = 0; tick < 6; tick++) {
    t.match(node.driver, { diskHangs: false })
    node.run((driver) => { driver.tick() })
  }
  t.equal(node.driver.diskHangs, true)
  t.equal(node.driver.core.status.role, 'follower')
  t.same(outcomes, [])
  t.match(node.propose('y'), [{ result: 'refused', reason: 'no-leader' }])
})

t.test('Mistake 21: a node whose disk hangs neither votes nor acknowledges nor campaigns', async (t) => {
  const cluster = new Drivers()
  const node = cluster.node('2')
  node.run(({ core }) => {
    core.step({ type: 'vote', from: '1', to: '2', term: 1, index: 0, logTerm: 0, transfer: false })
  })
  node.run(({ core }) => {
    const entries = [{ index: 1, term: 1, type: entryTypes.command, data: Buffer.alloc(0) }]
    core.step({ type: 'append', from: '1', to: '2', term: 1, index: 0, logTerm: 0, commit: 0, entries })
  })
  for (let tick = 0; tick < 100; tick++) node.run((driver) => { driver.tick() })
  t.same(cluster.wire, [])
  t.match(node.driver, { diskHangs: true, core: { status: { role: 'follower', term: 1 } } })
  while (node.persistOne());
  t.same(sent(node), ['vote-response to 1', 'append-response to 1'], 'it says all that once it is true')
  t.equal(node.driver.diskHangs, false)
})

t.test('Mistake 21: a disk that is slow and goes on does not hang', async (t) => {
  const cluster = new Drivers()
  cluster.elect('1')
  const node = cluster.node('1')
  for (let n = 0; n < 20; n++) {
    node.propose(`x${n}`)
    node.run((driver) => { driver.tick() })
    if (n > 3) node.persistOne()
  }
  t.equal(node.driver.core.status.role, 'leader')
})

type Happening =
  { do: 'propose', node: number } | { do: 'persist', node: number } | { do: 'apply', node: number } |
  { do: 'deliver', at: number } | { do: 'lose', at: number } | { do: 'campaign', node: number }

const nodes = fc.integer({ min: 0, max: 2 })
const places = fc.nat({ max: 30 })
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('propose' as const), node: nodes }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('persist' as const), node: nodes }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('apply' as const), node: nodes }) },
  { weight: 20, arbitrary: fc.record({ do: fc.constant('deliver' as const), at: places }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), at: places }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('campaign' as const), node: nodes }) }
)

/** What a node may say, given what its disk holds. */
function checkSaid (node: DrivenNode): void {
  let term = 0
  let last = 0
  for (const deed of node.deeds) {
    if (deed.did === 'persisted') {
      term = Math.max(term, deed.request.hardState?.term ?? 0)
      last = deed.request.entries.at(-1)?.index ?? last
    } else if (deed.did === 'send') {
      const { message } = deed
      if (message.term > term) throw new Error(`a ${message.type} of term ${message.term}, but the disk holds ${term}`)
      if (message.type === 'append-response' && !message.reject && message.index > last) {
        throw new Error(`acknowledged ${message.index}, but the disk holds ${last}`)
      }
    }
  }
}

t.test('Whatever happens in whatever order, what is said is durable and each proposal has one outcome', async () => {
  fc.assert(fc.property(fc.array(happening, { maxLength: 150 }), (happenings) => {
    const cluster = new Drivers()
    const proposals: { text: string, outcomes: ProposalOutcome<string>[] }[] = []
    for (const what of [{ do: 'campaign' as const, node: 0 }, ...happenings]) {
      if (what.do === 'deliver') cluster.deliver(cluster.wire.length > 0 ? what.at % cluster.wire.length : 0)
      else if (what.do === 'lose') cluster.wire.splice(what.at, 1)
      else if (what.do === 'propose') {
        const text = `proposal ${proposals.length}`
        proposals.push({ text, outcomes: cluster.nodes[what.node]!.propose(text) })
      } else if (what.do === 'persist') cluster.nodes[what.node]!.persistOne()
      else if (what.do === 'apply') cluster.nodes[what.node]!.applyOne()
      else cluster.nodes[what.node]!.run(({ core }) => { core.campaign() })
    }
    // The faults end: somebody leads again and writes, so every place in the log is decided.
    cluster.settle()
    for (let tries = 0; tries < 5; tries++) {
      const leader = cluster.nodes.find(({ driver: { core } }) => core.status.role === 'leader')
      if (leader === undefined) {
        cluster.nodes[tries % 3]!.run(({ core }) => { core.campaign() })
      } else {
        for (const node of cluster.nodes) node.run((driver) => { driver.tick() })
        leader.propose('the last')
      }
      cluster.settle()
    }
    const [first, ...others] = cluster.nodes
    for (const node of cluster.nodes) checkSaid(node)
    for (const node of others) {
      if (node.texts.join() !== first!.texts.join()) throw new Error(`${first!.texts} is not ${node.texts}`)
    }
    for (const { text, outcomes } of proposals) {
      if (outcomes.length !== 1) throw new Error(`${text}: ${JSON.stringify(outcomes)}`)
      const times = first!.texts.filter((applied) => applied === text).length
      const expected = outcomes[0]!.result === 'applied' ? 1 : 0
      if (times !== expected) throw new Error(`${text} was ${outcomes[0]!.result}, and is there ${times} times`)
    }
  }), { numRuns: 150 })
})
