import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { Counter } from 'prom-client'
import { test, type Test } from 'tap'
import metrics, { metricsRoute } from '../../plugins/metrics/index.ts'

async function build (t: Test): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(metrics)
  await app.register(metricsRoute)
  app.get('/things/:name', async (request, reply) => {
    if ((request.params as { name: string }).name === 'none') reply.code(404)
    return 'ok'
  })
  app.post('/things', async () => 'ok')
  app.get('/wait', async (request) => {
    request.blocked = true
    return 'ok'
  })
  await app.register(async (inner) => {
    inner.get('/inner', { onResponse: (_request, _reply, done) => done() }, async () => 'ok')
  })
  return app
}

/** The value of a metric: the line that begins with these words. */
async function read (app: FastifyInstance, metric: string): Promise<number | undefined> {
  const line = (await app.inject('/metrics')).body.split('\n').find((text) => text.startsWith(`${metric} `))
  return line === undefined ? undefined : Number(line.slice(metric.length + 1))
}

const requests = (labels: string) => `changewell_http_requests_total{${labels}}`
const durations = (suffix: string, labels: string) => `changewell_http_request_duration_seconds_${suffix}{${labels}}`

test('metrics are served in the text format of Prometheus, those of the process among them', async (t) => {
  const answer = await (await build(t)).inject('/metrics')
  t.equal(answer.statusCode, 200)
  t.match(answer.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.match(answer.body, /^process_cpu_seconds_total \d/m)
  t.match(answer.body, /^# TYPE changewell_http_requests_total counter$/m)
  t.match(answer.body, /^# TYPE changewell_http_request_duration_seconds histogram$/m)
  for (const line of answer.body.split('\n')) {
    t.match(line, /^$|^# (HELP|TYPE) \w+ |^\w+(\{(\w+="[^"]*",?)+\})? ([\d.e+-]+|Nan)$/)
  }
})

test('requests are counted by route and not by path', async (t) => {
  const app = await build(t)
  for (const name of ['a', 'b', 'c', 'none']) await app.inject(`/things/${name}`)
  await app.inject({ method: 'POST', url: '/things', payload: {} })
  await app.inject('/inner')
  t.equal(await read(app, requests('method="GET",route="/things/:name",status="200"')), 3)
  t.equal(await read(app, requests('method="GET",route="/things/:name",status="404"')), 1)
  t.equal(await read(app, requests('method="POST",route="/things",status="200"')), 1)
  t.equal(await read(app, requests('method="GET",route="/inner",status="200"')), 1)
})

test('requests that find no route are counted together', async (t) => {
  const app = await build(t)
  for (let index = 0; index < 5; index++) await app.inject(`/nothing/${index}`)
  t.equal(await read(app, requests('method="GET",route="none",status="404"')), 5)
})

test('times are counted in buckets that hold all below them', async (t) => {
  const app = await build(t)
  for (let index = 0; index < 4; index++) await app.inject('/things/a')
  const labels = 'method="GET",route="/things/:name"'
  t.equal(await read(app, durations('count', labels)), 4)
  t.equal(await read(app, durations('bucket', `${labels},le="+Inf"`)), 4)
  t.equal(await read(app, durations('bucket', `${labels},le="10"`)), 4)
  t.ok((await read(app, durations('sum', labels)))! > 0)
})

test('an answer that waited is counted, and its time is not', async (t) => {
  const app = await build(t)
  await app.inject('/wait')
  t.equal(await read(app, requests('method="GET",route="/wait",status="200"')), 1)
  t.equal(await read(app, durations('count', 'method="GET",route="/wait"')), undefined)
})

test('plugins add metrics of their own', async (t) => {
  const app = await build(t)
  const counter = new Counter({ name: 'changewell_test_total', help: 'A test', registers: [app.metrics.registry] })
  counter.inc(3)
  t.equal(await read(app, 'changewell_test_total'), 3)
})

test('two nodes in one process count apart', async (t) => {
  const [first, second] = [await build(t), await build(t)]
  await first.inject('/inner')
  t.equal(await read(second, requests('method="GET",route="/inner",status="200"')), undefined)
})

test('open connections are counted', async (t) => {
  const app = await build(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(app.server, 'connection')
  t.equal(await read(app, 'changewell_http_connections'), 1)
})
