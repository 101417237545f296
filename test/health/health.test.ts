import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import { errors } from '../../app/errors.ts'
import health from '../../plugins/health/index.ts'
import problems from '../../plugins/problems/index.ts'
import validation from '../../plugins/validation/index.ts'

async function build (t: Test, { eventLoopDelayMsMax = 0, lines = [] as string[] } = {}): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } })
  t.teardown(() => app.close())
  await app.register(problems, { errors })
  await app.register(validation)
  await app.register(health, { version: '1.2.3', revision: () => 42, eventLoopDelayMsMax })
  app.get('/work', async () => 'done')
  return app
}

const drain = (app: FastifyInstance, up: unknown) => app.inject({ method: 'PUT', url: '/health', payload: { up } })

test('a node with nothing against it is alive, ready and up', async (t) => {
  const app = await build(t)
  t.equal((await app.inject('/livez')).statusCode, 200)
  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.match((await app.inject('/health')).json(),
    { status: 'up', reasons: [], revision: 42, version: '1.2.3', uptimeSeconds: Number, checks: {} })
})

test('a check that fails makes the node unready and says why, and the node stays alive', async (t) => {
  const app = await build(t)
  let fault: string | null = 'the disk is full'
  app.readiness.register('storage', () => fault)
  app.readiness.register('leader', () => null)
  const answer = await app.inject('/readyz')
  t.equal(answer.statusCode, 503)
  t.match(answer.json(), { code: 'NOT_READY', reason: 'storage: the disk is full' })
  t.ok(answer.headers['retry-after'])
  t.match((await app.inject('/health')).json(), {
    status: 'unready', reasons: ['storage: the disk is full'], checks: { storage: 'the disk is full', leader: 'ok' },
  })
  t.equal((await app.inject('/livez')).statusCode, 200)
  fault = null
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

test('a check that throws is a reason', async (t) => {
  const app = await build(t)
  app.readiness.register('broken', () => { throw new Error('gone') })
  t.match((await app.inject('/readyz')).json(), { reason: 'broken: the check failed: gone' })
})

test('two checks cannot have the same name', async (t) => {
  const app = await build(t)
  app.readiness.register('storage', () => null)
  t.throws(() => app.readiness.register('storage', () => null), /already/)
})

test('an operator takes the node out of service and puts it back, and it works all the time', async (t) => {
  const app = await build(t)
  t.match((await drain(app, false)).json(), { status: 'draining' })
  t.match((await app.inject('/readyz')).json(), { status: 503, code: 'DRAINING' })
  t.match((await app.inject('/health')).json(), { status: 'draining' })
  t.equal((await app.inject('/work')).statusCode, 200)
  t.match((await drain(app, true)).json(), { status: 'up' })
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

test('taking out of service needs a plain true or false', async (t) => {
  const app = await build(t)
  for (const up of ['false', 0, null, undefined]) t.equal((await drain(app, up)).statusCode, 400)
  t.match((await drain(app, 'false')).json(), { code: 'INVALID_FIELD', field: '/up' })
})

test('a node that stops is not ready', async (t) => {
  const app = await build(t)
  await app.ready()
  const { readiness } = app
  await app.close()
  t.equal(readiness.draining, 'the node is stopping')
})

test('what machines ask every few seconds is not in the log', async (t) => {
  const lines: string[] = []
  const app = await build(t, { lines })
  app.readiness.register('storage', () => 'broken')
  for (const path of ['/livez', '/readyz', '/health']) await app.inject(path)
  t.strictSame(lines, [])
  await app.inject('/work')
  t.not(lines.length, 0)
})

test('a process that lags refuses work and still says how it is', async (t) => {
  const app = await build(t, { eventLoopDelayMsMax: 5 })
  const deadline = Date.now() + 20_000
  let answer = await app.inject('/work')
  while (answer.statusCode !== 503 && Date.now() < deadline) {
    const until = performance.now() + 40
    while (performance.now() < until); // The process does not turn meanwhile.
    await new Promise((resolve) => setImmediate(resolve))
    answer = await app.inject('/work')
  }
  t.match(answer.json(), { status: 503, code: 'OVERLOADED', limitMs: 5 })
  t.equal((await app.inject('/livez')).statusCode, 200)
  t.equal((await app.inject('/readyz')).statusCode, 200)
})
