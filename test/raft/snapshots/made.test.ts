import t from 'tap'
import { ImageFolder } from '../../../plugins/raft/snapshots/files.ts'
import { MadeSnapshots } from '../../../plugins/raft/snapshots/made.ts'
import { openRocksStore } from '../../../storage/rocksdb.ts'
import { appliedConfiguration } from '../../../plugins/raft/configuration-row.ts'
import { emptyConfiguration } from '../../../plugins/raft/core/index.ts'
import { Database } from '../../../storage/database.ts'
import { folder, until } from '../../support/node.ts'

const [a, b] = ['a'.repeat(16), 'b'.repeat(16)] as [string, string]

t.test('A snapshot is given out while its members are those of now, and the log is kept for it from when it is begun', async (t) => {
  const database = await Database.open(await openRocksStore(folder(t)))
  t.teardown(() => database.close())
  let index = 0
  const configure = async (voters: string[], learners: string[]): Promise<void> => {
    const configuration = appliedConfiguration({ ...emptyConfiguration, voters, learners })
    await database.apply([{ index: ++index, term: 1, command: null, configuration }])
  }
  await configure([a], [])
  const made: number[] = []
  const snapshots = new MadeSnapshots({
    database,
    folder: await ImageFolder.open(folder(t)),
    onMade: (event) => { made.push(event.index) },
    onFailure: (error) => { throw error },
  })
  t.equal(snapshots.keepFrom, Infinity)
  t.equal(snapshots.offer(0), undefined, 'it is made when it is asked for')
  t.ok(snapshots.keepFrom <= 1, 'the log is not cut behind one that is being made')
  await until(() => made.length === 1, 'the snapshot')
  t.match(snapshots.offer(0), { index: 1, configuration: { voters: [a] } })
  t.equal(snapshots.keepFrom, 1)
  t.not(snapshots.file(1, 1), null)

  await configure([a], [b])
  t.equal(snapshots.offer(0), undefined, 'whoever joined since would not find itself in the one that is there')
  await until(() => made.length === 2, 'another')
  t.match(snapshots.offer(0), { index: 2, configuration: { voters: [a], learners: [b] } })
  t.equal(snapshots.file(1, 1), null)
  await snapshots.close()
})
