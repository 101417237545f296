import { test } from 'tap'
import { explainStartFailure, ofPeers } from '../../app/commands/start-failure.ts'
import { loadConfig } from '../../app/config.ts'

const config = loadConfig({ CHANGEWELL_PORT: '80', CHANGEWELL_HOST: 'db.example', CHANGEWELL_DATA_DIR: '/data' })

test('each failure that can be foreseen is explained in one line with its remedy', async (t) => {
  const cases: Array<[error: object, words: RegExp]> = [
    [{ code: 'EADDRINUSE', syscall: 'listen' }, /db\.example:80 is in use.*CHANGEWELL_PORT/],
    [{ code: 'EACCES', syscall: 'listen' }, /may not listen on db\.example:80.*CHANGEWELL_PORT/],
    [{ code: 'EADDRNOTAVAIL', syscall: 'listen' }, /db\.example is not an address.*CHANGEWELL_HOST/],
    [{ code: 'ENOTFOUND', syscall: 'getaddrinfo' }, /db\.example is not an address.*CHANGEWELL_HOST/],
    [{ code: 'EACCES', syscall: 'mkdir' }, /\/data cannot be written.*CHANGEWELL_DATA_DIR/],
    [{ code: 'EROFS', syscall: 'open' }, /\/data cannot be written.*CHANGEWELL_DATA_DIR/],
    [{ code: 'ENOTDIR', syscall: 'mkdir' }, /\/data is not a folder.*CHANGEWELL_DATA_DIR/],
    [{ code: 'ENOSPC', syscall: 'write' }, /no room left for \/data/],
    [{ code: 'DATA_DIR_LOCKED', message: 'What is wrong, and what to do.' }, /^What is wrong, and what to do\.$/],
    [{ code: 'NATIVE_MODULE', message: 'libatomic is missing.' }, /libatomic/],
  ]
  for (const [error, words] of cases) {
    const explanation = explainStartFailure(Object.assign(new Error('a message'), error), config)
    t.match(explanation, words)
    t.notMatch(explanation, /\n/)
  }
})

test('a failure of the listener for other nodes is told from one of the other, also where both have one port', async (t) => {
  const both = loadConfig({ CHANGEWELL_HOST: 'db.example', CHANGEWELL_PEER_HOST: '1.2.3.4', CHANGEWELL_PORT: '0', CHANGEWELL_PEER_PORT: '0' })
  const failure = (): Error => Object.assign(new Error('a message'), { code: 'EADDRNOTAVAIL', syscall: 'listen' })
  const marked = await Promise.reject(failure()).catch(ofPeers).catch((error: unknown) => error)
  t.match(explainStartFailure(marked, both), /^1\.2\.3\.4 is not an address of this machine\. Set CHANGEWELL_PEER_HOST/)
  t.match(explainStartFailure(failure(), both), /^db\.example is not an address of this machine\. Set CHANGEWELL_HOST/)
})

test('what nobody foresaw is not explained', async (t) => {
  t.equal(explainStartFailure(new TypeError('x is not a function'), config), null)
})
