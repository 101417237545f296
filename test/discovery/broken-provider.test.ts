import { test } from 'tap'
import { startProcess } from '../support/node.ts'
import { brokenProvider } from './broken.ts'
import { says } from './world.ts'

test('a node that cannot say who it is goes on, and says it again later, whatever the provider throws', async (t) => {
  const node = await startProcess(t, {
    CHANGEWELL_DISCOVERY: brokenProvider(t, `
      publish () {
        const failures = [Object.assign(new Error('the token is wrong'), { code: 'DISCOVERY_SETTINGS' }), undefined, 'no', null]
        context.attempts = (context.attempts ?? 0) + 1
        if (context.attempts <= failures.length) throw failures[context.attempts - 1]
        context.logger.info({}, 'the place knows who this node is')
      }`),
  })
  await says(node, /could not be published: the token is wrong/)
  await says(node, /could not be published: undefined/)
  await says(node, /could not be published: no/)
  await says(node, /the place knows who this node is/)
  t.equal((await fetch(`${node.url}/readyz`)).status, 200)
})
