import pino from 'pino'
import t from 'tap'
import { loadConfig } from '../../app/config.ts'
import { buildServer } from '../../app/server.ts'
import { folder } from '../support/node.ts'

t.test('A node that starts with too little room on its disk says so, and one with enough says nothing', async (t) => {
  for (const [diskFreeBytesMin, words] of [
    [Number.MAX_SAFE_INTEGER, /writes are refused: the disk has \d+ bytes left, and 9007199254740991 are kept free/],
    [0, /^$/],
  ] as const) {
    let said = ''
    const logger = pino({ level: 'warn' }, { write: (line: string) => { said += line } })
    const app = await buildServer({ ...loadConfig({}), dataDir: folder(t), diskFreeBytesMin }, logger)
    await app.close()
    t.match(said, words)
  }
})
