import { until } from '../support/node.ts'
import type { ClusterNode } from './cluster.ts'

/** The disk has room again: the node goes on by itself or, if its database met the full disk, once it is started. */
export async function comesBack (node: ClusterNode): Promise<string> {
  let how = 'by itself'
  await until(async () => {
    const { status, body } = await node.get('/readyz')
    if (status === 200) return true
    if (!/writes have failed/.test(String(body.detail))) return false
    await node.kill()
    await node.start()
    how = 'after a restart'
    return false
  }, 'the node to come back', 60)
  return how
}
