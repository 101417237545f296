import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import type { Environment } from '../../app/read-settings.ts'
import { program } from './build.ts'
import { spawnNode, until, type NodeProcess } from './node.ts'

/** A process that has loaded the node's program, and begins to run it when it is told to. */
export interface WarmNode {
  /** Resolves when it has been told. */
  go: () => Promise<NodeProcess>
}

/**
 * For tests that start a node many times: loading the program takes longer than all else of a start, and goes on here
 * while another node runs.
 */
export function warmNode (t: Test, environment: Environment): WarmNode {
  const server = new URL('server.js', pathToFileURL(program()))
  const wait = `await import('${server}')
    const alive = setInterval(() => {}, 1e6)
    const told = new Promise((resolve) => process.once('SIGUSR2', resolve))
    console.log('loaded')
    await told
    clearInterval(alive)`
  const node = spawnNode(t, environment, { nodeArgs: [`--import=data:text/javascript,${encodeURIComponent(wait)}`] })
  return {
    async go () {
      await Promise.race([until(() => node.lines.includes('loaded'), 'the program to load'), node.ended])
      node.child.kill('SIGUSR2')
      return node
    },
  }
}
