import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { build } from '../support/build.ts'
import { folder, spawnNode } from '../support/node.ts'
import { Random } from '../support/random.ts'
import type { HistoryChange } from '../support/replay.ts'
import { verifyFolder } from '../support/verify.ts'
import { Client } from './client.ts'
import { Ledger } from './ledger.ts'

const kills = Number(process.env.CRASH_KILLS ?? 100)
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000)
const firstStarts = 8
const clientCount = 8
/** After so many kills the whole database is looked at, beside what clients can see of it. */
const looksEvery = 10
const loadMsMax = 400

const settings = {
  CHANGEWELL_LOG_LEVEL: 'debug',
  CHANGEWELL_LOG_SEGMENT_BYTES: '65536',
  CHANGEWELL_FLUSH_LOG_BYTES: '65536',
  CHANGEWELL_FEED_TAIL_BYTES_MAX: '65536',
}

t.setTimeout(60_000 + (kills + firstStarts) * 6000)

const main = await build(t)

t.test(`A node that is killed ${kills} times keeps what it acknowledged, in order, once`, async (t) => {
  t.comment(`again with CRASH_SEED=${seed} CRASH_KILLS=${kills}`)
  const random = new Random(seed)
  const ledger = new Ledger()
  const environment = { ...settings, CHANGEWELL_DATA_DIR: folder(t) }
  const events: Record<string, number> = {}
  let startMs = 1000
  let startKills = 0

  for (let kill = 0; kill <= kills; kill++) {
    const begun = performance.now()
    const node = spawnNode(t, environment, main)
    if (kill > 0 && kill < kills && random.percent(25)) {
      // The moments at the end of a start are those when it works on the disk.
      await Promise.race([delay(startMs * (0.5 + 0.6 * random.number())), node.ended])
      await node.kill('SIGKILL')
      startKills++
    } else {
      const url = await node.listening
      startMs = (startMs + performance.now() - begun) / 2
      if (kill === 0) await new Client('first', ledger, random).prepare(url)
      await judge(url, ledger)
      const clients = Array.from({ length: clientCount }, (_, at) => (
        new Client(`${kill}-${at}`, ledger, new Random(random.below(2 ** 32)))))
      const running = Promise.all(clients.map((client) => client.run(url)))
      await Promise.race([delay(1 + random.number() * loadMsMax), running])
      await node.kill(kill === kills ? 'SIGTERM' : 'SIGKILL')
      await running
    }
    for (const line of node.lines) {
      const event = /"type":"([a-z-]+)"/.exec(line)?.[1]
      if (event !== undefined) events[event] = (events[event] ?? 0) + 1
    }
    if (kill % looksEvery === 0) await verifyFolder(environment.CHANGEWELL_DATA_DIR)
  }

  const node = spawnNode(t, environment, main)
  await judge(await node.listening, ledger)
  await node.kill('SIGTERM')
  const { texts } = await verifyFolder(environment.CHANGEWELL_DATA_DIR)
  t.equal(texts.length, ledger.history.length)
  t.ok(texts.every((text, at) => text === ledger.history[at]), 'the history is what was read after each kill')
  t.comment(`${startKills} kills during the start`, ledger.counts, events)
  t.ok(ledger.counts.acknowledged > kills, 'there was something to lose')
  t.ok(events['segment-made']! > 0 && events['segment-removed']! > 0, 'the log was rolled over and cut meanwhile')
})

t.test('A node that is killed while it starts for the first time starts the next time', async (t) => {
  t.comment(`again with CRASH_SEED=${seed}`)
  const random = new Random(seed)
  const begun = performance.now()
  const measured = spawnNode(t, settings, main)
  await measured.listening
  const startMs = performance.now() - begun
  await measured.kill('SIGKILL')
  for (let start = 0; start < firstStarts; start++) {
    const environment = { ...settings, CHANGEWELL_DATA_DIR: folder(t) }
    const first = spawnNode(t, environment, main)
    await Promise.race([delay(startMs * (0.5 + 0.5 * random.number())), first.ended])
    await first.kill('SIGKILL')
    const second = spawnNode(t, environment, main)
    const url = await second.listening
    const ledger = new Ledger()
    await new Client('client', ledger, random).prepare(url)
    await judge(url, ledger)
    await second.kill('SIGKILL')
    const { texts } = await verifyFolder(environment.CHANGEWELL_DATA_DIR)
    t.same(texts, ledger.history)
  }
})

/** Sends again what may be, reads what is new in the feed, and judges the writes that nobody waits for any longer. */
async function judge (url: string, ledger: Ledger): Promise<void> {
  for (const write of ledger.repeatable) await write.repeat!(url)
  for (;;) {
    const response = await fetch(`${url}/changes?since=${ledger.history.length}&limit=10000`)
    const { changes, atEnd } = await response.json() as { changes: HistoryChange[], atEnd: boolean }
    ledger.follow(changes)
    if (atEnd) break
  }
  ledger.settle()
}
