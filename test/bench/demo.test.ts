import type { AddressInfo } from 'node:net'
import t from 'tap'
import { compare } from '../../bench/demo/compare.ts'
import { Copy } from '../../bench/demo/copy.ts'
import { readDebianPackages, recordsOf } from '../../bench/demo/debian.ts'
import { follow } from '../../bench/demo/follow.ts'
import { loadRecords } from '../../bench/demo/loader.ts'
import { readNpmPackages } from '../../bench/demo/npm.ts'
import type { Record } from '../../bench/demo/record.ts'
import { listeningNode } from '../support/node.ts'

const index = `Package: apt
Section: admin
Maintainer: Björn <b@example.org>
Tag: admin::x,
 works-with::y

Package: apt
Version: 2:1.0
Section: admin

Package: naïve
Section: non-free/net
`

async function recordsIn (text: string): Promise<Record[]> {
  const records: Record[] = []
  for await (const record of recordsOf(text.split('\n'))) records.push(record)
  return records
}

t.test('a record of a package index is kept whole', async (t) => {
  t.same(await recordsIn(index), [
    {
      collection: 'admin',
      key: 'apt',
      data: '{"Package":"apt","Section":"admin","Maintainer":"Björn <b@example.org>","Tag":"admin::x,\\n works-with::y"}',
    },
    { collection: 'admin', key: 'apt', data: '{"Package":"apt","Version":"2:1.0","Section":"admin"}' },
    { collection: 'non-free/net', key: 'naïve', data: '{"Package":"naïve","Section":"non-free/net"}' },
  ])
})

t.test('where there is no apt, there are no Debian packages, and npm has some', async (t) => {
  t.equal(await readDebianPackages(Infinity, '/nowhere/apt-cache'), null)
  const { records } = await readNpmPackages(20)
  t.equal(records.length, 20)
  t.match(JSON.parse(records[0]!.data), { path: '', package: { name: 'changewell' } })
})

t.test('a copy that follows over a cut connection is the same as what was loaded, and every difference is found', async (t) => {
  const { app } = await listeningNode(t)
  const { port } = app.server.address() as AddressInfo
  const more = Array.from({ length: 600 }, (_, at) => ({ collection: 'many', key: `k${at}`, data: `{"n":${at}.0}` }))
  const records = [...await recordsIn(index), ...more]
  const copy = new Copy()
  const loaded = loadRecords(port, { name: 'test', tenant: 'debian', records }, () => {})
  const until = loaded.then(({ acknowledgements }) => acknowledgements.at(-1)!.lastRevision)
  const connections = await follow({ port, copy, cutAt: 300, until })

  t.equal(connections, 2)
  t.equal((await loaded).repeatedBatchWasRecognised, true)
  t.equal(copy.revision, app.database.revision)
  t.match(await compare(port, 'debian', copy), { collections: 3, keys: 602, difference: null })

  const many = copy.collections.get('many')!
  const value = many.get('k7')!
  many.set('k7', { ...value, data: '{"n":7}' })
  t.match((await compare(port, 'debian', copy)).difference, 'k7 is {"n":7.0}, in the copy {"n":7}')
  many.set('k7', { ...value, revision: 1 })
  t.match((await compare(port, 'debian', copy)).difference, 'k7 is of revision')
  many.delete('k7')
  t.match((await compare(port, 'debian', copy)).difference, 'the node has k7')
  many.set('k7', value).set('kk', value)
  t.match((await compare(port, 'debian', copy)).difference, 'the node has no kk')
  copy.collections.delete('many')
  t.match((await compare(port, 'debian', copy)).difference, 'the node has the collections')
})

t.test('a feed that leaves out a change or brings one twice is noticed', async (t) => {
  const change = (revision: number) => `{"revision":${revision},"type":"put","data":1}`
  const copy = new Copy()
  copy.apply(change(1), 0)
  t.throws(() => copy.apply(change(1), 0), { message: 'the feed went from change 1 to 1' })
  t.throws(() => copy.apply(change(3), 0), { message: 'the feed went from change 1 to 3' })
})
