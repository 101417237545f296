import { test } from 'tap'
import { invalid, keysPath, refused, startNode, startStocked, type Answer } from './client.ts'

test('Every answer carries the revision of the database and the id of its request, refusals included', async (t) => {
  const client = await startStocked(t)
  // The client checks each answer for both; here is one of each kind.
  const answers = [
    await client.get('/livez'), await client.get('/metrics'), await client.get('/openapi.json'), await client.get('/documentation'),
    await client.get('/documentation/errors'), await client.get('/changes'), await client.get('/nowhere'), await client.get('/documentation/nowhere'),
    await client.request('PATCH', '/changes'), await client.get('/%ff'), await client.get(`/tenants/${'x'.repeat(16_500)}`),
    await client.post('/changes', '{'), await client.post('/changes', {}, { 'content-type': 'text/xml' }), await client.get('/changes?limit=x'),
    await client.put(`${keysPath}/k`, { data: 1 }), await client.head('/changes'),
  ]
  t.strictSame(answers.map(({ status }) => status),
    [200, 200, 200, 200, 200, 200, 404, 404, 405, 400, 400, 400, 415, 400, 201, 200])
  t.equal(answers.at(-1)!.headers['changewell-revision'], '3')
})

test('The revision of a write\'s answer is that of the write', async (t) => {
  const client = await startNode(t)
  for (let revision = 1; revision <= 3; revision++) {
    const answer = await client.post('/changes', {})
    t.equal(answer.headers['changewell-revision'], String(revision))
    t.equal(answer.body.revision, revision)
  }
})

test('A request id that is well formed is kept, and any other replaced', async (t) => {
  const client = await startNode(t)
  const ids = ['abc', 'A-Z._~:/+=@-', 'x'.repeat(128), '4bf92f35-77b3-4da6-a3ce-929d0e0e4736']
  for (const id of ids) {
    for (const url of ['/livez', '/nowhere', '/%ff']) {
      const answer = await client.get(url, { 'x-request-id': id })
      t.equal(answer.headers['x-request-id'], id)
      if (answer.status >= 400) t.equal(answer.body.instance, id)
    }
  }
  const given = new Set<unknown>()
  for (const id of ['', ' ', 'a b', 'x'.repeat(129), '<script>', 'a"b', 'a,b', 'é']) {
    given.add((await client.get('/livez', { 'x-request-id': id })).headers['x-request-id'])
  }
  t.equal(given.size, 8, 'a new one each time')
  t.notOk(given.has(''))
})

test('Paths that lead nowhere say so', async (t) => {
  const client = await startNode(t)
  for (const path of ['/', '/nowhere', '/Changes', '/changes/1/2', '//changes', '/tenants/a/b', '/tenants/a/collections/b/keys/c/d', '/cluster/x']) {
    refused(t, await client.get(path), 404, 'ROUTE_NOT_FOUND', { method: 'GET', path })
  }
  refused(t, await client.get('/nowhere?a=b'), 404, 'ROUTE_NOT_FOUND', { path: '/nowhere' })
})

test('A name in a path is not empty', async (t) => {
  const client = await startStocked(t)
  invalid(t, await client.get('/changes/'), 'revision')
  invalid(t, await client.get(`${keysPath}/`), 'key', /empty/)
  invalid(t, await client.put(`${keysPath}/`, { data: 1 }), 'key', /empty/)
  invalid(t, await client.put('/tenants/', { name: 'a' }), 'tenant', /empty/)
  refused(t, await client.get('/tenants/'), 404, 'TENANT_NOT_FOUND', { tenant: '' })
  refused(t, await client.get('/tenants//collections'), 404, 'TENANT_NOT_FOUND', { tenant: '' })
  refused(t, await client.get('/tenants/coke/collections/'), 404, 'COLLECTION_NOT_FOUND', { collection: '' })
})

test('A path that does not take a method says which it takes', async (t) => {
  const client = await startNode(t)
  const expected: Record<string, string[]> = {
    '/changes': ['GET', 'HEAD', 'POST'],
    '/changes/1': ['GET', 'HEAD'],
    '/tenants': ['GET', 'HEAD', 'POST'],
    '/tenants/coke?x=1': ['DELETE', 'GET', 'HEAD', 'PUT'],
    '/tenants/coke/changes': ['GET', 'HEAD'],
    '/tenants/coke/collections': ['GET', 'HEAD', 'POST'],
    '/tenants/coke/collections/a': ['DELETE', 'GET', 'HEAD'],
    [keysPath]: ['GET', 'HEAD'],
    [`${keysPath}/a%2Fb`]: ['DELETE', 'GET', 'HEAD', 'PUT'],
    '/transactions': ['POST'],
    '/cluster': ['GET', 'HEAD'],
    '/cluster/settings': ['GET', 'HEAD', 'PUT'],
    '/health': ['GET', 'HEAD', 'PUT'],
    '/livez': ['GET', 'HEAD'],
  }
  for (const [path, allow] of Object.entries(expected)) {
    for (const method of ['PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'] as const) {
      const answer = await client.request(method as 'PATCH', path)
      refused(t, answer, 405, 'METHOD_NOT_ALLOWED', { method })
      t.strictSame(String(answer.headers.allow).split(', ').sort(), allow, path)
    }
  }
})

test('A body is JSON in UTF-8, and anything else is refused for its media type', async (t) => {
  const client = await startNode(t)
  const post = (type: string) => client.post('/changes', '{}', { 'content-type': type })
  for (const type of ['application/json', 'application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'application/merge-patch+json', 'APPLICATION/JSON']) {
    t.equal((await post(type)).status, 201, type)
  }
  const wrong = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json; charset=latin1', 'json', 'x', '/', 'application/jsonx']
  for (const type of wrong) {
    const answer = await post(type)
    refused(t, answer, 415, 'UNSUPPORTED_MEDIA_TYPE', { mediaType: type })
    t.equal(answer.headers.accept, 'application/json')
  }
  for (const encoding of ['gzip', 'br', 'x']) {
    refused(t, await client.post('/changes', '{}', { 'content-encoding': encoding }), 415, 'UNSUPPORTED_MEDIA_TYPE', { mediaType: /Content-Encoding/ })
  }
  t.equal(await client.revision(), 5)
})

test('A body that is not JSON says where it goes wrong', async (t) => {
  const client = await startNode(t)
  const bodies: Array<[string | Buffer, number]> = [
    ['{', 1], ['{"data":1', 9], ['{"data":01}', 8], ['{"data":1,}', 10], ["{'data':1}", 1], ['{"data":NaN}', 8], ['{}x', 2], ['', 0], ['{"tags":["a","b]}', 17],
    ['{"data":1,"data":2}', 10], ['\ufeff{}', 0], [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 2], ['{"data":"\n"}', 9],
  ]
  for (const [body, offset] of bodies) {
    refused(t, await client.post('/changes', body), 400, 'INVALID_JSON', { offset })
  }
})

test('A write without a body is told that it needs one', async (t) => {
  const client = await startStocked(t)
  for (const [method, url] of [['POST', '/changes'], ['POST', '/tenants'], ['POST', '/transactions'], ['PUT', '/tenants/coke'], ['PUT', `${keysPath}/k`], ['PUT', '/health']] as const) {
    invalid(t, await client.request(method, url), 'body', /object/)
  }
})

test('A deletion may come with the content type of JSON and without a body', async (t) => {
  const client = await startStocked(t)
  await client.put(`${keysPath}/k`, { data: 1 })
  t.equal((await client.delete(`${keysPath}/k`, { 'content-type': 'application/json' })).status, 200)
})

test('A parameter that a route does not know is refused wherever it is', async (t) => {
  const client = await startStocked(t)
  const requests: Array<Promise<Answer>> = [
    client.get('/changes?x=1'), client.post('/changes?x=1', {}), client.get('/changes/1?x=1'), client.get('/tenants?x=1'), client.post('/tenants?x=1', { name: 'a' }),
    client.get('/tenants/coke?x=1'), client.put('/tenants/coke?x=1', { name: 'a' }), client.delete('/tenants/coke?x=1'), client.get('/tenants/coke/changes?x=1'),
    client.get('/tenants/coke/collections?x=1'), client.post('/tenants/coke/collections?x=1', { name: 'a' }), client.get('/tenants/coke/collections/settings?x=1'),
    client.delete('/tenants/coke/collections/settings?x=1'), client.get(`${keysPath}?x=1`), client.get(`${keysPath}/k?x=1`), client.put(`${keysPath}/k?x=1`, { data: 1 }),
    client.delete(`${keysPath}/k?x=1`), client.post('/transactions?x=1', {}), client.get('/cluster?x=1'), client.get('/cluster/settings?x=1'), client.put('/cluster/settings?x=1', {}),
    client.get('/health?x=1'),
  ]
  for (const answer of await Promise.all(requests)) invalid(t, answer, 'x', /not known/)
  t.equal(await client.revision(), 2)
})

test('Names in paths are decoded once', async (t) => {
  const client = await startStocked(t)
  for (const key of ['%2F', 'a%2Fb', '..%2f..', '%25', 'a+b', 'a b', '?', '#', ';v=1', 'é', '\u202e', '%', '&=']) {
    const url = `${keysPath}/${encodeURIComponent(key)}`
    t.equal((await client.put(url, { data: key })).status, 201, encodeURIComponent(key))
    t.equal((await client.get(url)).body.key, key)
  }
  for (const path of ['%', '%2', '%zz', '%c0%af', '%ed%a0%80', '%ff', 'a%E0%80%AFb']) {
    refused(t, await client.get(`${keysPath}/${path}`), 400, 'BAD_REQUEST', { reason: /percent-encoded UTF-8/ })
    refused(t, await client.get(`/changes?tag=${path}`), 400, 'BAD_REQUEST', { reason: /query .*percent-encoded UTF-8/ })
  }
  t.equal((await client.get('/changes?tag=%C3%A9+b%25')).status, 200)
})
