import { test, type Test } from 'tap'
import { folder, spawnNode, until, type NodeProcess } from '../support/node.ts'
import { pass, refuse, startHook } from '../webhooks/hook.ts'

/**
 * Ends the process at one of its calls about the queue's file, before or after it is done: nothing else in a node syncs
 * data through a FileHandle, or writes through one once it has begun.
 */
const trap = `
import { open } from 'node:fs/promises'
const handle = await open('/dev/null')
const methods = Object.getPrototypeOf(handle)
await handle.close()
const [method, wanted, when] = (process.env.QUEUE_TRAP ?? '').split(' ')
const original = methods[method]
let calls = 0
if (original !== undefined) methods[method] = async function (...all) {
  const isLast = ++calls === Number(wanted)
  if (isLast && when === 'before') process.kill(process.pid, 'SIGKILL')
  const result = await original.apply(this, all)
  if (isLast && when === 'after') process.kill(process.pid, 'SIGKILL')
  return result
}`

const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(trap)}`]

function start (t: Test, dataDir: string, QUEUE_TRAP = ''): NodeProcess {
  process.env.QUEUE_TRAP = QUEUE_TRAP
  const node = spawnNode(t, { CHANGEWELL_DATA_DIR: dataDir }, { nodeArgs })
  delete process.env.QUEUE_TRAP
  return node
}

/** Null when the node dies before it answers. */
async function send (url: string, data: unknown): Promise<string | null> {
  try {
    const response = await fetch(`${url}/changes?ack=queue`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ data }),
      signal: AbortSignal.timeout(20_000),
    })
    if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`)
    return (await response.json() as { receipt: string }).receipt
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

async function get (url: string, path: string): Promise<any> {
  return await (await fetch(url + path, { headers: { connection: 'close' } })).json()
}

async function revisionOf (url: string, receipt: string): Promise<number> {
  let fate: any
  await until(async () => {
    fate = await get(url, `/receipts/${receipt}`)
    return fate.state !== 'pending'
  }, 'an outcome')
  if (fate.state !== 'committed') throw new Error(JSON.stringify(fate))
  return fate.revision
}

async function drained (url: string): Promise<unknown[]> {
  await until(async () => (await get(url, '/queue')).writes === 0, 'the queue to be empty')
  const { changes } = await get(url, '/changes?limit=10000')
  return changes.map(({ data }: { data: unknown }) => data)
}

/** The first write through a handle is the file's header, the second the write's block, the third what forgets it. */
const steps: Array<[what: string, trap: string, made: number]> = [
  ['before the write is in the file', 'write 2 before', 0],
  ['when it is durable, before it is answered or sent', 'datasync 1 after', 1],
  ['when it is made, before it is forgotten', 'write 3 before', 1],
  ['when it is forgotten', 'datasync 2 after', 1],
]

for (const [what, QUEUE_TRAP, made] of steps) {
  test(`A node that is killed ${what} has made the write ${made === 1 ? 'once' : 'not at all'} in the end`, async (t) => {
    const dataDir = folder(t)
    const node = start(t, dataDir, QUEUE_TRAP)
    const receipt = await send(await node.listening, 'once')
    t.equal((await node.ended).signal, 'SIGKILL')
    const again = start(t, dataDir)
    const url = await again.listening
    t.strictSame(await drained(url), made === 1 ? ['once'] : [])
    if (receipt !== null) t.equal(await revisionOf(url, receipt), 1)
  })
}

test('A node that is killed when a hook\'s rejection is known, before the write is forgotten, does not make it when it is back', async (t) => {
  const dataDir = folder(t)
  const hook = await startHook(t, refuse('not today'))
  const node = start(t, dataDir, 'write 3 before')
  const url = await node.listening
  const set = await fetch(`${url}/cluster/settings`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ webhooks: [{ name: 'naming', url: hook.url }] }),
  })
  t.equal(set.status, 200)
  const receipt = await send(url, 'once')
  t.equal((await node.ended).signal, 'SIGKILL')
  hook.answer = pass
  const again = await start(t, dataDir).listening
  t.strictSame(await drained(again), [])
  t.match(await get(again, `/receipts/${receipt}`), { state: 'rejected', problem: { code: 'WRITE_REJECTED', reason: 'not today' } })
  t.equal(hook.asked.length, 1)
})

test('A node that is killed again and again makes what it has answered once, in order', async (t) => {
  const dataDir = folder(t)
  const answered: Array<{ data: number, receipt: string }> = []
  let sent = 0
  for (let round = 0; round < 6; round++) {
    const node = start(t, dataDir)
    const url = await node.listening
    // Killed with an answer of its own on the way, another number of writes after its start each time.
    const enough = answered.length + 3 + 7 * round
    const killed = until(() => answered.length >= enough, 'answers', 60).then(() => node.kill('SIGKILL'))
    for (let receipt: string | null = ''; receipt !== null;) {
      const data = sent++
      receipt = await send(url, data)
      if (receipt !== null) answered.push({ data, receipt })
    }
    await killed
  }
  const node = start(t, dataDir)
  const url = await node.listening
  const found = await drained(url)
  t.strictSame(found, [...found].sort((a, b) => Number(a) - Number(b)), 'in the order in which they were sent')
  t.equal(new Set(found).size, found.length, 'each once')
  for (const { data, receipt } of answered) {
    t.equal(found[await revisionOf(url, receipt) - 1], data, `write ${data} is where its receipt says`)
  }
})
