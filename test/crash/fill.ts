import type { FastifyInstance, InjectOptions } from 'fastify'

/** Writes of every kind, one after another; each round has names of its own. Returns how many writes there were. */
export async function fill (app: FastifyInstance, round: number): Promise<number> {
  const top = `top${round}`
  const writes: Array<[method: 'POST' | 'PUT' | 'DELETE', url: string, payload?: object]> = [
    ['POST', '/changes', { data: `plain ${round}` }],
    ['POST', '/tenants', { name: top }],
    ['POST', '/tenants', { name: `${top}/sub` }],
    ['POST', `/tenants/${top}/collections`, { name: 'c' }],
    ['POST', `/tenants/${top}/collections`, { name: 'gone' }],
    ['POST', `/tenants/${top}%2Fsub/collections`, { name: 'c' }],
    ...Array.from({ length: 12 }, (_, at): [method: 'PUT', url: string, payload: object] => [
      'PUT',
      `/tenants/${top}/collections/${at % 3 === 0 ? 'gone' : 'c'}/keys/k${at % 5}`,
      { data: { at, round }, tags: ['red', `t${at % 2}`] },
    ]),
    ['DELETE', `/tenants/${top}/collections/c/keys/k2`],
    ['POST', '/changes', {
      changes: [
        { tenant: `${top}/sub`, collection: 'c', key: 'ключ', data: 'é', tags: ['red', 'blue'] },
        { tenant: top, data: [round], tags: ['blue'] },
        { type: 'delete', tenant: `${top}/sub`, collection: 'c', key: 'ключ' },
        { tenant: top, collection: 'c' },
      ],
    }],
    ['DELETE', `/tenants/${top}/collections/gone?recursive=true`],
    ['PUT', `/tenants/${top}`, { name: `renamed${round}`, tags: ['moved'] }],
    ['PUT', `/tenants/renamed${round}/collections/c/keys/k1`, { data: 'after' }],
    ['POST', '/tenants', { name: `doomed${round}` }],
    ['POST', '/tenants', { name: `doomed${round}/below` }],
    ['POST', `/tenants/doomed${round}/collections`, { name: 'c' }],
    ['PUT', `/tenants/doomed${round}/collections/c/keys/k`, { data: 1, tags: ['red'] }],
    ['DELETE', `/tenants/doomed${round}?recursive=true`],
  ]
  for (const [at, [method, url, payload]] of writes.entries()) {
    const request: InjectOptions = { method, url, headers: { 'idempotency-key': `${round}-${at}` } }
    const { statusCode, body } = await app.inject(payload === undefined ? request : { ...request, payload })
    if (statusCode !== 200 && statusCode !== 201) throw new Error(`${method} ${url}: ${statusCode} ${body}`)
  }
  return writes.length
}
