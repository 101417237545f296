import type { FastifyInstance, HTTPMethods } from 'fastify'
import { test, type Test } from 'tap'
import { buildNode } from '../support/node.ts'
import { bearer, files } from './files.ts'

const policy = {
  identities: {
    reader: { read: ['coke'] },
    writer: { write: ['coke'] },
    other: { read: ['pepsi'], write: ['pepsi'] },
    all: { read: ['*'], write: ['*'] },
    ops: { admin: true },
    prometheus: { metrics: true },
    nobody: {},
  },
}

type Identity = keyof typeof policy.identities | 'anonymous'

const identities = ['anonymous', ...Object.keys(policy.identities)] as Identity[]
const data: Identity[] = ['reader', 'writer', 'other', 'all']

const open = identities
const any = [...data, 'ops', 'prometheus'] as Identity[]
const admin: Identity[] = ['ops']
const readsCoke: Identity[] = ['reader', 'all']
const writesCoke: Identity[] = ['writer', 'all']
/** What they are answered is another test's. */
const readsSomething: Identity[] = ['reader', 'other', 'all']

interface Case {
  may: Identity[]
  /** The path, where the route's own will not do. */
  url?: string
  body?: object
}

const coke = '/tenants/coke'
const settings = `${coke}/collections/settings`
const member = '/cluster/members/0123456789abcdef'
const id = '/cluster/members/:id'
const nodes = '/tenants/_system/collections/nodes/keys'
const put = { tenant: 'coke', data: 1 }

/**
 * Each route with requests about the tenant `coke`, and who may make them. Bodies of what looks after the cluster are
 * wrong on purpose: who may call it gets as far as being told so.
 */
const table: Record<string, Case[]> = {
  'GET /livez': [{ may: open }],
  'GET /readyz': [{ may: open }],
  'GET /health': [{ may: open }],
  'PUT /health': [{ may: admin, body: { up: true } }],
  'GET /metrics': [{ may: ['prometheus'] }],
  'GET /openapi.json': [{ may: open }],
  'GET /documentation': [{ may: open }],
  'GET /documentation/*': [{ may: open, url: '/documentation/static/swagger-ui.css' }],
  'GET /documentation/errors': [{ may: open }],

  'GET /changes': [
    { may: readsSomething },
    { may: readsCoke, url: '/changes?tenant=coke' },
    { may: readsCoke, url: '/changes?tenant=1' },
    { may: ['all'], url: '/changes?tenant=nothing' },
  ],
  'GET /changes/:revision': [{ may: readsCoke, url: '/changes/1' }, { may: ['other', 'all'], url: '/changes/3' }],
  'POST /changes': [
    { may: writesCoke, body: put },
    { may: writesCoke, body: { changes: [put] } },
    { may: ['all'], body: { data: 'of no tenant' } },
    { may: ['all'], body: { changes: [put, { ...put, tenant: 'pepsi' }] } },
    { may: ['all'], body: { changes: [put, { data: 'of no tenant' }] } },
  ],
  'POST /transactions': [
    { may: writesCoke, body: { then: [put] } },
    { may: ['all'], body: { then: [put], else: [{ ...put, tenant: 'pepsi' }] } },
    { may: ['all'], body: { compare: [{ tenant: 'coke', collection: 'settings', key: 'k', revision: 0 }], then: [put] } },
  ],
  'GET /snapshot': [{ may: readsSomething }, { may: readsCoke, url: '/snapshot?tenant=coke' }],

  'GET /tenants': [{ may: readsSomething }, { may: readsCoke, url: '/tenants?parent=coke' }],
  'POST /tenants': [{ may: writesCoke, body: { name: 'coke/new' } }, { may: ['all'], body: { name: 'fanta' } }],
  'GET /tenants/:tenant': [{ may: readsCoke, url: coke }, { may: readsCoke, url: `${coke}%2Fnothing` }, { may: ['all'], url: '/tenants/9' }],
  // Its own name needs no rights on another.
  'PUT /tenants/:tenant': [{ may: writesCoke, url: coke, body: { name: 'coke' } }, { may: ['all'], url: coke, body: { name: 'sprite' } }],
  'DELETE /tenants/:tenant': [{ may: writesCoke, url: coke }],
  'GET /tenants/:tenant/changes': [{ may: readsCoke, url: `${coke}/changes` }],
  'GET /tenants/:tenant/collections': [{ may: readsCoke, url: `${coke}/collections` }],
  'POST /tenants/:tenant/collections': [{ may: writesCoke, url: `${coke}/collections`, body: { name: 'settings' } }],
  'GET /tenants/:tenant/collections/:collection': [{ may: readsCoke, url: settings }],
  'DELETE /tenants/:tenant/collections/:collection': [{ may: writesCoke, url: settings }],
  'GET /tenants/:tenant/collections/:collection/keys': [{ may: readsCoke, url: `${settings}/keys` }],
  'GET /tenants/:tenant/collections/:collection/keys/:key': [{ may: readsCoke, url: `${settings}/keys/k` }],
  'PUT /tenants/:tenant/collections/:collection/keys/:key': [{ may: writesCoke, url: `${settings}/keys/k`, body: { data: 1 } }],
  'DELETE /tenants/:tenant/collections/:collection/keys/:key': [{ may: writesCoke, url: `${settings}/keys/none` }],

  'GET /receipts/:id': [{ may: any, url: '/receipts/none' }],
  'GET /queue': [{ may: admin }],
  'GET /locks': [{ may: admin }],
  'GET /cluster': [{ may: any }],
  'GET /cluster/settings': [{ may: admin }],
  'PUT /cluster/settings': [{ may: admin, body: { nothing: 1 } }],
  'GET /cluster/members': [{ may: admin }],
  'POST /cluster/members': [{ may: admin, body: {} }],
  [`GET ${id}`]: [{ may: admin, url: member }],
  [`PUT ${id}`]: [{ may: admin, url: member, body: {} }],
  [`DELETE ${id}`]: [{ may: admin, url: member }],
  'PUT /cluster/leader': [{ may: admin, body: { id: '0123456789abcdef' } }],
  [`GET ${nodes}`]: [{ may: admin }],
  [`GET ${nodes}/:key`]: [{ may: admin, url: `${nodes}/0123456789abcdef` }],
}

async function guarded (t: Test): Promise<FastifyInstance> {
  const names = Object.keys(policy.identities)
  const app = await buildNode(t, files(t, { tokens: names, policy }).config)
  const ask = async (method: HTTPMethods, url: string, payload: object): Promise<void> => {
    const { statusCode } = await app.inject({ method: method as 'POST', url, payload, headers: bearer('all') })
    t.equal(statusCode, 201, url)
  }
  await ask('POST', '/tenants', { name: 'coke' })
  await ask('POST', `${coke}/collections`, { name: 'settings' })
  await ask('POST', '/tenants', { name: 'pepsi' })
  await ask('PUT', `${settings}/keys/k`, { data: 1 })
  return app
}

test('every route of the node is in the table, and the table has no other', async (t) => {
  const { access } = await buildNode(t)
  const routes = access.routes.filter(({ method }) => method !== 'HEAD').map(({ method, url }) => `${method} ${url}`)
  t.same(routes.sort(), Object.keys(table).sort(), 'add a new route to the table, with who may call it')
})

test('a route that does not say who may call it cannot be added', async (t) => {
  const app = await buildNode(t)
  const handler = async (): Promise<string> => 'ok'
  t.throws(() => app.get('/new', handler), /GET \/new does not say who may call it/)
  t.throws(() => app.get('/new', { config: { role: 'read' } }, handler), /tenant/)
  t.throws(() => app.get('/new', { config: { role: 'admin', tenant: 'path' } }, handler), /does not say/)
  t.throws(() => app.get('/new', { config: { role: 'read', tenant: 'each' } }, handler), /does not say/)
  t.throws(() => app.get('/new', { config: { role: 'read', tenant: 'path' } }, handler), /no :tenant in its path/)
  t.throws(() => app.get('/new', { config: { role: 'god' as 'admin' } }, handler), /does not say/)
})

for (const identity of identities) {
  test(`every route, called by ${identity}`, async (t) => {
    let app = await guarded(t)
    const fresh = app.database.revision
    for (const [route, cases] of Object.entries(table)) {
      // What one route has done is not to matter to the next.
      if (app.database.revision !== fresh) app = await guarded(t)
      const [method, path] = route.split(' ') as [HTTPMethods, string]
      for (const { may, url = path, body } of cases) {
        for (const asked of method === 'GET' ? ['GET', 'HEAD'] : [method]) {
          const before = app.database.revision
          const { statusCode, headers, payload } = await app.inject({
            method: asked as 'GET',
            url,
            headers: identity === 'anonymous' ? {} : bearer(identity),
            ...(body === undefined ? {} : { payload: body }),
          })
          const name = `${asked} ${url} ${body === undefined ? '' : JSON.stringify(body)}`
          if (may.includes(identity)) {
            t.notOk([401, 403, 429, 500].includes(statusCode), `${name} is allowed: ${statusCode} ${payload.slice(0, 200)}`)
            continue
          }
          t.equal(statusCode, identity === 'anonymous' ? 401 : 403, `${name} is refused`)
          t.equal(app.database.revision, before, 'and does nothing')
          if (identity === 'anonymous') t.match(headers['www-authenticate'], /^Bearer realm=/)
          if (asked !== 'HEAD' && identity !== 'anonymous') t.match(JSON.parse(payload), { code: 'FORBIDDEN', identity })
        }
      }
    }
  })
}
