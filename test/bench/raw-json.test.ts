import fc from 'fast-check'
import t from 'tap'
import { dataOf, elementsOf } from '../../bench/demo/raw-json.ts'

t.test('the elements of an array come out as they stood', async (t) => {
  fc.assert(fc.property(fc.array(fc.json()), fc.json(), (elements, other) => {
    t.same(elementsOf(`{"keys":[${elements.join(',')}],"next":${other}}`), elements)
  }), { numRuns: 200 })
})

t.test('the data of a change comes out as it stood, whatever the key is', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.json(), (key, data) => {
    t.equal(dataOf(`{"revision":1,"key":${JSON.stringify(key)},"data":${data}}`), data)
  }), { numRuns: 200, examples: [[',"data":', '1'], ['\\', '1.0']] })
})

t.test('a change without data has none', async (t) => {
  t.equal(dataOf('{"revision":1,"type":"delete"}'), null)
})
