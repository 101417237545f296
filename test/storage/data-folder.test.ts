import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Database } from '../../storage/database.ts'
import { formatVersion } from '../../storage/format.ts'
import { metaKeys } from '../../storage/keys.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import { buildNode, folder, spawnNode } from '../support/node.ts'
import { write } from '../support/store/helpers.ts'

t.test('A second process on the same folder is told so and ends, and the first goes on', async (t) => {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir })
  const said = await failedStart(t, dataDir)
  t.match(said, /^changewell: Another process has .* open\. Stop it, or give this node a folder of its own/m)
  t.equal((await app.inject({ method: 'POST', url: '/changes', payload: { data: 1 } })).statusCode, 201)
})

t.test('An empty folder gets the format version, and another version is refused with what to do', async (t) => {
  for (const [version, message] of [
    [formatVersion + 1, /format 2, this release reads format 1\. Run the release that wrote it, or a newer one/],
    [formatVersion - 1, /format 0, which this release cannot read .*dump/],
    ['x', /format x, which this release cannot read/],
  ] as const) {
    const directory = folder(t)
    const store = await openRocksStore(directory)
    t.teardown(() => store.close())
    await Database.open(store)
    t.equal((await store.get('meta', metaKeys.format))?.toString(), String(formatVersion))
    await write(store, (batch) => batch.put('meta', metaKeys.format, Buffer.from(String(version))))
    await t.rejects(Database.open(store), { code: 'FORMAT_VERSION', message })
    t.equal((await store.get('meta', metaKeys.format))?.toString(), String(version), 'it is left as it was')
  }
})

t.test('A node says why it does not start on a folder of a newer format', async (t) => {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir })
  await app.close()
  const store = await openRocksStore(join(dataDir, 'db'))
  await write(store, (batch) => batch.put('meta', metaKeys.format, Buffer.from('2')))
  await store.close()
  t.match(await failedStart(t, dataDir), /^changewell: The data folder has format 2, this release reads format 1/m)
})

t.test('The node keeps its id, and its cluster\'s, from start to start', async (t) => {
  const dataDir = folder(t)
  const ids: string[] = []
  for (let start = 0; start < 2; start++) {
    const app = await buildNode(t, { dataDir })
    const { id, clusterId } = (await app.inject('/cluster')).json<{ id: string, clusterId: string }>()
    ids.push(`${id} ${clusterId}`)
    t.match(id, /^[0-9a-f]{16}$/)
    t.equal(readFileSync(join(dataDir, 'node-id'), 'utf8'), `${id}\n`)
    await app.close()
  }
  t.equal(ids[0], ids[1])
})

t.test('A damaged node-id stops the start with what to do, and is left as it was', async (t) => {
  const dataDir = folder(t)
  await (await buildNode(t, { dataDir })).close()
  const damaged = ['', 'not an id', '\0'.repeat(16), '0123456789ABCDEF']
  for (const text of [...damaged, '0123456789abcde', '0123456789abcdeg', '0123456789abcdef0']) {
    writeFileSync(join(dataDir, 'node-id'), text)
    await t.rejects(buildNode(t, { dataDir }), {
      code: 'NODE_ID_DAMAGED', message: /node-id does not hold a node id .*Put back the file from a backup/,
    }, JSON.stringify(text))
    t.equal(readFileSync(join(dataDir, 'node-id'), 'utf8'), text)
  }
  writeFileSync(join(dataDir, 'node-id'), 'nonsense')
  t.match(await failedStart(t, dataDir), /^changewell: .*node-id does not hold a node id/m)
})

t.test('A node-id that is missing beside data stops the start, and what the message says brings the node back', async (t) => {
  const dataDir = folder(t)
  await (await buildNode(t, { dataDir })).close()
  const path = join(dataDir, 'node-id')
  const id = readFileSync(path, 'utf8').trim()
  for (const lost of ['nothing', 'db']) {
    rmSync(path)
    rmSync(join(dataDir, lost), { recursive: true, force: true })
    const said = await failedStart(t, dataDir)
    t.match(said, /^changewell: .*node-id is missing, but beside it is the data of a node\. Put back the file/m)
    t.match(said, /`changewell member list` on another shows the id/)
    t.notOk(existsSync(path), 'no other id was made')
    const [, told = ''] = /write ([0-9a-f]{16}) into it/.exec(said) ?? []
    t.equal(told, id)
    writeFileSync(path, told)
    const app = await buildNode(t, { dataDir })
    t.match((await app.inject('/cluster')).json(), { id })
    await app.close()
  }
  rmSync(path)
  rmSync(join(dataDir, 'log'), { recursive: true })
  await t.rejects(buildNode(t, { dataDir }), { code: 'NODE_ID_LOST' }, 'a database alone is data too')
})

t.test('A draft of the node-id that a crash left does no harm', async (t) => {
  const dataDir = folder(t)
  writeFileSync(join(dataDir, 'node-id.new'), '0123')
  const app = await buildNode(t, { dataDir })
  t.match(readFileSync(join(dataDir, 'node-id'), 'utf8'), /^[0-9a-f]{16}\n$/)
  await app.close()
})

t.test('A start that fails leaves the folder to the next one', async (t) => {
  const dataDir = folder(t)
  const first = await buildNode(t, { dataDir })
  t.equal((await first.inject({ method: 'POST', url: '/changes', payload: { data: 'kept' } })).statusCode, 201)
  await first.close()
  const id = readFileSync(join(dataDir, 'node-id'))
  writeFileSync(join(dataDir, 'node-id'), 'nonsense')
  await t.rejects(buildNode(t, { dataDir }))
  writeFileSync(join(dataDir, 'node-id'), id)
  const second = await buildNode(t, { dataDir })
  t.equal((await second.inject('/changes/1')).json<{ data: string }>().data, 'kept')
})

t.test('Files of others in the folder are left alone', async (t) => {
  const dataDir = folder(t)
  mkdirSync(join(dataDir, 'lost+found'))
  writeFileSync(join(dataDir, 'notes.txt'), 'mine')
  const app = await buildNode(t, { dataDir })
  await app.close()
  t.ok(existsSync(join(dataDir, 'lost+found')))
  t.equal(readFileSync(join(dataDir, 'notes.txt'), 'utf8'), 'mine')
  t.same(readdirSync(dataDir).sort(), ['db', 'log', 'lost+found', 'node-id', 'notes.txt', 'queue', 'snapshots'])
})

t.test('A folder that is a file is refused with what to do', async (t) => {
  const dataDir = folder(t)
  rmSync(dataDir, { recursive: true })
  writeFileSync(dataDir, '')
  t.match(await failedStart(t, dataDir), /^changewell: .*CHANGEWELL_DATA_DIR/m)
})

t.test('A part of the folder that is a file is named, and a file that is a folder is damaged', async (t) => {
  for (const [part, fault] of [
    ['db', ' cannot be made .*EEXIST'], ['log', ' is not a folder, .*Move it away'], ['snapshots', ' is not a folder, .*Move it away'],
  ] as const) {
    const dataDir = folder(t)
    writeFileSync(join(dataDir, part), '')
    t.match(await failedStart(t, dataDir), new RegExp(`^changewell: .*${join(dataDir, part)}${fault}`, 'm'))
  }
  const dataDir = folder(t)
  await (await buildNode(t, { dataDir })).close()
  rmSync(join(dataDir, 'node-id'))
  mkdirSync(join(dataDir, 'node-id'))
  t.match(await failedStart(t, dataDir), /^changewell: .*node-id does not hold a node id/m)
})

t.test('What a node was told when it joined stops the start when it cannot be read', async (t) => {
  const dataDir = folder(t)
  const path = join(dataDir, 'joined')
  for (const text of ['nonsense', '{}', 'null', '']) {
    writeFileSync(path, text)
    await t.rejects(buildNode(t, { dataDir, join: '127.0.0.1:1' }), { code: 'JOINED_DAMAGED', message: /joined does not hold .*remove it/ })
  }
  rmSync(path)
  mkdirSync(path)
  t.match(await failedStart(t, dataDir, { CHANGEWELL_JOIN: '127.0.0.1:1' }), /^changewell: .*joined does not hold/m)
})

t.test('An id without any data is refused each time, and nothing is made beside it', async (t) => {
  const dataDir = folder(t)
  await (await buildNode(t, { dataDir })).close()
  for (const part of ['db', 'log', 'snapshots', 'queue']) rmSync(join(dataDir, part), { recursive: true })
  for (let attempt = 0; attempt < 2; attempt++) {
    t.match(await failedStart(t, dataDir), /^changewell: .* neither its database nor its log: .*not mounted/m)
    t.same(readdirSync(dataDir), ['node-id'])
  }
  rmSync(join(dataDir, 'node-id'))
  await buildNode(t, { dataDir })
})

t.test('A place where no folder can be made is refused at once', async (t) => {
  // Linux alone has such a place; elsewhere it is one above which is a file.
  const file = join(folder(t), 'file')
  writeFileSync(file, '')
  const dataDir = existsSync('/proc/self') ? '/proc/data/of/a/node' : join(file, 'data')
  t.match(await failedStart(t, dataDir), /^changewell: .*CHANGEWELL_DATA_DIR/m)
})

/** Starts a process that must end with code 1 and without a stack; what it said. */
async function failedStart (t: Test, dataDir: string, settings: Record<string, string> = {}): Promise<string> {
  const node = spawnNode(t, { CHANGEWELL_DATA_DIR: dataDir, ...settings })
  const { code } = await node.ended
  const said = node.lines.join('\n')
  t.equal(code, 1)
  t.notMatch(said, /^ +at /m, 'a person reads this: no stack')
  return said
}
