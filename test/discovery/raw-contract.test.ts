import { test } from 'tap'
import { discoveryContract } from '../../discovery/contract.ts'
import openRaw from '../../discovery/raw.ts'
import { KnownNames, quiet } from './names.ts'

discoveryContract({ test: (name, body) => test(name, body) }, {
  name: 'raw',
  knowsIds: false,
  watches: false,
  async place () {
    const names = new KnownNames()
    names.hosts.set('first.test', ['192.0.2.1'])
    return {
      // The first node is told of nobody, the others of the first.
      open: (node) => openRaw({ settings: { join: node === 0 ? '' : 'first.test:9001' }, logger: quiet }, names),
      async breakDown () { names.failure = 'EAI_AGAIN' },
      async mend () { names.failure = null },
      async close () {},
    }
  },
})
