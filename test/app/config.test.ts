import { test } from 'tap'
import { loadConfig, settings } from '../../app/config.ts'
import { SettingsError, variableName } from '../../app/read-settings.ts'

function faultsOf (environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof SettingsError) return error.faults
    throw error
  }
  return []
}

test('an empty environment gives the defaults', async (t) => {
  const config = loadConfig({ PATH: '/bin', changewell_port: '1' })
  t.match(config, { host: '127.0.0.1', port: 9000, dataDir: './data', logLevel: 'info', bodyBytesMax: 4_194_304 })
  t.strictSame(Object.keys(config), Object.keys(settings))
})

test('every default is a value that its setting takes', async (t) => {
  const set = Object.entries(loadConfig({})).filter(([, value]) => value !== null)
  const defaults = set.map(([name, value]) => [variableName(name), String(value)])
  t.strictSame(loadConfig(Object.fromEntries(defaults)), loadConfig({}))
})

test('a setting is named in words after the prefix', async (t) => {
  t.equal(variableName('dataDir'), 'CHANGEWELL_DATA_DIR')
  t.equal(variableName('eventLoopDelayMsMax'), 'CHANGEWELL_EVENT_LOOP_DELAY_MS_MAX')
})

test('values are read as what they are', async (t) => {
  const environment = { CHANGEWELL_PORT: '0', CHANGEWELL_DATA_DIR: '/var/lib/a b', CHANGEWELL_LOG_LEVEL: 'silent' }
  t.match(loadConfig(environment), { port: 0, dataDir: '/var/lib/a b', logLevel: 'silent' })
})

test('a number must be a plain whole number within its range', async (t) => {
  for (const port of ['12abc', '1e3', '', ' 5', '5 ', '0x10', '+5', '-1', '1.0', '007', '65536', 'Infinity', '٣']) {
    t.strictSame(faultsOf({ CHANGEWELL_PORT: port }),
      [`CHANGEWELL_PORT is ${JSON.stringify(port)}; it must be a whole number from 0 to 65535`])
  }
})

test('a word must be one of those that the setting takes', async (t) => {
  t.strictSame(faultsOf({ CHANGEWELL_LOG_LEVEL: 'INFO' }),
    ['CHANGEWELL_LOG_LEVEL is "INFO"; it must be one of fatal, error, warn, info, debug, trace, silent'])
  t.strictSame(faultsOf({ CHANGEWELL_DATA_DIR: ' ' }), ['CHANGEWELL_DATA_DIR is " "; it must be a text that is not empty'])
})

test('every fault is told, not the first', async (t) => {
  t.equal(faultsOf({ CHANGEWELL_PORT: 'x', CHANGEWELL_TAGS_MAX: '-1', CHANGEWELL_NONSENSE: '1' }).length, 3)
  t.throws(() => loadConfig({ CHANGEWELL_PORT: 'x', CHANGEWELL_HOST: '' }), /CHANGEWELL_HOST is ""[^]*CHANGEWELL_PORT is "x"/)
})

test('an unknown variable is a fault, and a near miss is told what was meant', async (t) => {
  t.strictSame(faultsOf({ CHANGEWELL_PROT: '9000' }), ['CHANGEWELL_PROT is not a setting; did you mean CHANGEWELL_PORT?'])
  t.strictSame(faultsOf({ CHANGEWELL_BODY_BYTE_MAX: '9000' }),
    ['CHANGEWELL_BODY_BYTE_MAX is not a setting; did you mean CHANGEWELL_BODY_BYTES_MAX?'])
  t.strictSame(faultsOf({ CHANGEWELL_: '1', CHANGEWELL_SOMETHING_ELSE: '1' }),
    ['CHANGEWELL_ is not a setting', 'CHANGEWELL_SOMETHING_ELSE is not a setting'])
})

test('variables that Kubernetes sets for a Service of this name are told apart', async (t) => {
  const faults = faultsOf({ CHANGEWELL_SERVICE_HOST: '10.0.0.1', CHANGEWELL_PORT: 'tcp://10.0.0.1:9000' })
  t.match(faults.at(-1), /enableServiceLinks: false/)
})

test('two listeners are not told to be at one place', async (t) => {
  t.strictSame(faultsOf({ CHANGEWELL_PORT: '9005', CHANGEWELL_HTTP_PORT: '9005', CHANGEWELL_HEALTH_PORT: '9005' }), [
    'CHANGEWELL_PORT and CHANGEWELL_HTTP_PORT are both 127.0.0.1:9005; choose another port for one of them',
    'CHANGEWELL_PORT and CHANGEWELL_HEALTH_PORT are both 127.0.0.1:9005; choose another port for one of them',
  ])
  t.strictSame(faultsOf({ CHANGEWELL_PORT: '9001' }),
    ['CHANGEWELL_PORT and CHANGEWELL_PEER_PORT are both 127.0.0.1:9001; choose another port for one of them'])
  const free = { CHANGEWELL_PORT: '0', CHANGEWELL_PEER_PORT: '0', CHANGEWELL_HEALTH_PORT: '0' }
  t.strictSame(faultsOf(free), [])
  t.strictSame(faultsOf({ CHANGEWELL_PORT: '9001', CHANGEWELL_PEER_HOST: '127.0.0.2' }), [])
})

test('A queue as large as may be set is read again at the start: Node reads files below 2 GiB at once', (t) => {
  const most = (bytes: number) => loadConfig({ CHANGEWELL_QUEUE_BYTES_MAX: `${bytes}` })
  t.throws(() => most(512 * 1024 * 1024 + 1), SettingsError)
  // Before it is written anew the file has as much again that is forgotten, and some, and one block behind that.
  t.ok(3 * most(512 * 1024 * 1024).queueBytesMax + 16 * 1024 * 1024 < 2 ** 31)
  t.end()
})
