import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { folder, until } from '../support/node.ts'
import { Random } from '../support/random.ts'
import { verifyFolder } from '../support/verify.ts'
import { warmNode } from '../support/warm.ts'
import { Client } from './client.ts'
import { checkHistory, follow, readOn } from './feed.ts'
import { Ledger } from './ledger.ts'

const kills = Number(process.env.CRASH_KILLS ?? 100)
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000)
const firstStarts = 8
const clientCount = 8
/** After so many kills the whole database is looked at, beside what clients can see of it. */
const looksEvery = 10
const loadMsMax = 400
/** The node tidies once a second: some are left alone for longer, and killed about when they do. */
const tidyMs = 950
/** In the end so much of the history is kept. */
const historyChangesLast = 100
const idempotencySeconds = 10
/** A key may be used again while it is sure that the node remembers it. */
const repeatMsMax = idempotencySeconds * 400

const settings = {
  CHANGEWELL_LOG_LEVEL: 'debug',
  CHANGEWELL_LOG_SEGMENT_BYTES: '65536',
  CHANGEWELL_FLUSH_LOG_BYTES: '65536',
  CHANGEWELL_FEED_TAIL_BYTES_MAX: '65536',
  CHANGEWELL_IDEMPOTENCY_SECONDS: String(idempotencySeconds),
}

t.setTimeout(60_000 + (kills + firstStarts) * 6000)

t.test(`A node that is killed ${kills} times keeps what it acknowledged, in order, once`, async (t) => {
  t.comment(`again with CRASH_SEED=${seed} CRASH_KILLS=${kills}`)
  const random = new Random(seed)
  const ledger = new Ledger()
  const environment = { ...settings, CHANGEWELL_DATA_DIR: folder(t) }
  const events: Record<string, number> = {}
  let startMs = 300
  let startKills = 0
  let next = warmNode(t, environment)

  for (let kill = 0; kill <= kills; kill++) {
    const node = await next.go()
    const begun = performance.now()
    next = warmNode(t, environment)
    if (kill > 0 && kill < kills && random.percent(25)) {
      await Promise.race([delay(startMs * 1.2 * random.number()), node.ended])
      await node.kill('SIGKILL')
      startKills++
    } else {
      const url = await node.listening
      startMs = (startMs + performance.now() - begun) / 2
      if (kill === 0) await new Client('first', ledger, random).prepare(url)
      await judge(url, ledger)
      const clients = Array.from({ length: clientCount }, (_, at) => (
        new Client(`${kill}-${at}`, ledger, new Random(random.below(2 ** 32)))))
      const running = Promise.all([follow(url, ledger), ...clients.map((client) => client.run(url))])
      const patienceMs = random.percent(20) ? tidyMs : 0
      await Promise.race([delay(1 + patienceMs + random.number() * loadMsMax), running])
      await node.kill(kill === kills ? 'SIGTERM' : 'SIGKILL')
      await running
    }
    for (const line of node.lines) {
      const event = /"type":"([a-z-]+)"/.exec(line)?.[1]
      if (event !== undefined) events[event] = (events[event] ?? 0) + 1
    }
    if (kill % looksEvery === 0) await verifyFolder(environment.CHANGEWELL_DATA_DIR, ledger.history)
  }

  const node = await next.go()
  const url = await node.listening
  await judge(url, ledger)
  const firstRevision = await checkHistory(url, ledger)
  await keepLittle(url)
  const wanted = ledger.history.length - historyChangesLast + 1
  await until(async () => await checkHistory(url, ledger, historyChangesLast) === wanted, 'the history to go')
  await node.kill('SIGTERM')
  const { texts, requests } = await verifyFolder(environment.CHANGEWELL_DATA_DIR, ledger.history)
  t.equal(texts.length, ledger.history.length)
  t.ok(texts.every((text, at) => text === ledger.history[at]), 'the history is what was read after each kill')
  t.comment(`${startKills} kills during the start`, ledger.counts, events, { firstRevision, requests })
  t.ok(ledger.counts.acknowledged > kills, 'there was something to lose')
  t.ok(events['segment-made']! > 0 && events['segment-removed']! > 0, 'the log was rolled over and cut meanwhile')
  t.ok(firstRevision > 1, 'and so was the history')
  t.ok(requests < ledger.counts.withKey, 'and idempotency keys were forgotten')
})

t.test('A node that is killed while it starts for the first time starts the next time', async (t) => {
  t.comment(`again with CRASH_SEED=${seed}`)
  const random = new Random(seed)
  const measured = await warmNode(t, settings).go()
  const begun = performance.now()
  await measured.listening
  const startMs = performance.now() - begun
  await measured.kill('SIGKILL')
  for (let start = 0; start < firstStarts; start++) {
    const environment = { ...settings, CHANGEWELL_DATA_DIR: folder(t) }
    const second = warmNode(t, environment)
    const first = await warmNode(t, environment).go()
    await Promise.race([delay(startMs * random.number()), first.ended])
    await first.kill('SIGKILL')
    const node = await second.go()
    const url = await node.listening
    const ledger = new Ledger()
    await new Client('client', ledger, random).prepare(url)
    await judge(url, ledger)
    await node.kill('SIGKILL')
    // What is applied goes to the store a little later: the next start takes it from the log.
    const third = await warmNode(t, environment).go()
    await third.listening
    await third.kill('SIGTERM')
    const { texts } = await verifyFolder(environment.CHANGEWELL_DATA_DIR)
    t.same(texts, ledger.history)
  }
})

/** Sends again what may be, reads what is new in the feed, and judges the writes that nobody waits for any longer. */
async function judge (url: string, ledger: Ledger): Promise<void> {
  await checkHistory(url, ledger)
  for (const write of ledger.repeatable(repeatMsMax)) await write.repeat!(url)
  while (!await readOn(url, ledger));
  ledger.settle()
}

async function keepLittle (url: string): Promise<void> {
  const response = await fetch(`${url}/cluster/settings`, {
    method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ historyChanges: historyChangesLast }),
  })
  if (response.status !== 200) throw new Error(await response.text())
}
