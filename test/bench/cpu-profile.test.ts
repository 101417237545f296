import t from 'tap'
import { summarise } from '../../bench/profile/cpu-profile.ts'
import { partOf } from '../../bench/profile/parts.ts'

const profile = {
  startTime: 1000,
  nodes: [
    { id: 1, callFrame: { functionName: '(root)', url: '', lineNumber: -1 }, children: [2, 3, 5] },
    { id: 2, callFrame: { functionName: '(idle)', url: '', lineNumber: -1 } },
    { id: 3, callFrame: { functionName: 'parse', url: 'file:///x/dist/plugins/json/envelope.js', lineNumber: 4 }, children: [4] },
    { id: 4, callFrame: { functionName: 'toString', url: 'node:buffer', lineNumber: 9 } },
    { id: 5, callFrame: { functionName: '_flush', url: 'file:///x/node_modules/rocksdb-native/lib/batch.js', lineNumber: 1 } },
  ],
  samples: [5, 2, 3, 4, 5, 5],
  timeDeltas: [0, 100, 100, 10, 30, 60],
}

t.test('time belongs to the function that was met last, and what Node does for a part to that part', async (t) => {
  const { idle, parts, functions } = summarise(profile, 1100, 2000)
  t.equal(idle, 0.5)
  t.same(parts, [{ name: 'RocksDB', share: 0.6 }, { name: 'JSON of the body', share: 0.4 }])
  t.same(functions.map(({ name }) => name), [
    '_flush (rocksdb-native/lib/batch.js:2)', 'toString (node:buffer:10)', 'parse (plugins/json/envelope.js:5)',
  ])
})

t.test('reading a socket is parsing, and writing to one belongs to whoever writes', async (t) => {
  const url = 'node:internal/stream_base_commons'
  t.equal(partOf({ functionName: 'onStreamRead', url }), 'HTTP parse')
  t.equal(partOf({ functionName: 'writevGeneric', url }), null)
})
