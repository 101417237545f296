import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'tap'
import { lookupInLine } from '../../discovery/names.ts'
import { isLoopback, rankedAddresses } from '../../discovery/own-address.ts'
import { DiscoveryError, type Candidate, type Listening } from '../../discovery/provider.ts'
import openRaw from '../../discovery/raw.ts'
import { KnownNames, quiet } from './names.ts'

const { signal } = new AbortController()

async function candidates (join: string, names: KnownNames): Promise<string[]> {
  const provider = await openRaw({ settings: { join }, logger: quiet }, names)
  return (await provider.candidates(signal)).map(({ peerAddress }: Candidate) => peerAddress)
}

function known (): KnownNames {
  const names = new KnownNames()
  names.hosts.set('members.test', ['10.0.0.1', '10.0.0.2', 'fd00::3'])
  names.hosts.set('a.test', ['10.0.1.1'])
  names.hosts.set('b.test', ['10.0.1.2', 'fd00::1:2'])
  names.records.set('_changewell._tcp.test', [
    { host: 'b.test', port: 7002, priority: 20, weight: 0 }, { host: 'a.test', port: 7001, priority: 10, weight: 0 },
  ])
  return names
}

test('addresses and names with all their A, AAAA and SRV records are asked, each address once', async (t) => {
  t.same(await candidates('10.0.0.9:9001, [fd00::9]:9001', known()), ['10.0.0.9:9001', '[fd00::9]:9001'])
  t.same(await candidates('members.test:9000', known()), ['10.0.0.1:9000', '10.0.0.2:9000', '[fd00::3]:9000'])
  t.same(await candidates('_changewell._tcp.test', known()), ['10.0.1.1:7001', '10.0.1.2:7002', '[fd00::1:2]:7002'])
  t.same(await candidates('a.test,10.0.1.1,[fd00::9]', known()), ['10.0.1.1:9001', '[fd00::9]:9001'], 'where nodes usually listen')
})

test('an address is asked where nodes usually listen, whatever becomes of DNS', async (t) => {
  const names = known()
  names.failure = 'EBADNAME'
  for (const [entry, address] of [
    ['10.0.0.7', '10.0.0.7:9001'], ['::1', '[::1]:9001'], ['[::1]', '[::1]:9001'], ['fd00::7', '[fd00::7]:9001'],
    ['[FD00::7]', '[FD00::7]:9001'], ['fe80::7%eth0', '[fe80::7%eth0]:9001'], ['[fe80::7%eth0]', '[fe80::7%eth0]:9001'],
    ['[fe80::7%eth0]:9002', '[fe80::7%eth0]:9002'],
  ] as const) t.same(await candidates(entry, names), [address], entry)
})

test('a name that leads nowhere is told of, and the others are asked', async (t) => {
  const warnings: string[] = []
  const logger = { ...quiet, warn: (_facts: object, message: string) => { warnings.push(message) } }
  const provider = await openRaw({ settings: { join: 'nobody.test:1,a.test:9001' }, logger }, known())
  for (let round = 0; round < 2; round++) t.match(await provider.candidates(signal), [{ peerAddress: '10.0.1.1:9001' }])
  t.match(warnings, [/nobody\.test is not known/], 'once')
  t.equal(warnings.length, 1)
})

test('a host of an SRV record that leads nowhere is told of, and the others of the same name are asked', async (t) => {
  const names = known()
  names.records.get('_changewell._tcp.test')!.push({ host: 'nobody.test', port: 7003, priority: 1, weight: 0 })
  const warnings: string[] = []
  const logger = { ...quiet, warn: (_facts: object, message: string) => { warnings.push(message) } }
  const provider = await openRaw({ settings: { join: '_changewell._tcp.test' }, logger }, names)
  const found = await provider.candidates(signal)
  t.same(found.map(({ peerAddress }) => peerAddress), ['10.0.1.1:7001', '10.0.1.2:7002', '[fd00::1:2]:7002'])
  t.match(warnings, [/nobody\.test is not known/])
})

test('names that all lead nowhere are an error with the reason, never an empty answer', async (t) => {
  const names = known()
  await t.rejects(candidates('nobody.test:1', names), { code: 'DISCOVERY_UNAVAILABLE', message: /nobody\.test is not known to the DNS server/ })
  await t.rejects(candidates('_nothing._tcp.test', names), { message: /_nothing\._tcp\.test has no SRV records/ })
  names.failure = 'EAI_AGAIN'
  await t.rejects(candidates('a.test:9001,members.test:9001', names), { message: /the DNS server gives no answer/ })
})

test('a slow look-up ends with the call, and no second one begins meanwhile', async (t) => {
  const names = known()
  const asked: string[] = []
  names.addresses = (name) => {
    asked.push(name)
    return new Promise(() => {})
  }
  const provider = await openRaw({ settings: { join: 'a.test:1,b.test:1' }, logger: quiet }, names)
  const end = new AbortController()
  const answer = provider.candidates(end.signal)
  await new Promise((resolve) => { setImmediate(resolve) })
  end.abort()
  await t.rejects(answer)
  t.same(asked, ['a.test'], 'one thread at most waits for DNS')
})

test('an entry that is neither an address nor a name stops the start', async (t) => {
  for (const join of ['http://a:9001', 'a:99999', 'a b', '[::1', 'a:b:c']) {
    await t.rejects(openRaw({ settings: { join }, logger: quiet }), { code: 'DISCOVERY_SETTINGS', message: /CHANGEWELL_JOIN/ }, join)
  }
})

function listening (host: string, members: string[] = []): Listening {
  return { peer: { host, port: 9001 }, api: { host, port: 9000 }, members }
}

test('a node that listens at one address tells that one', async (t) => {
  const provider = await openRaw({ settings: { join: '' }, logger: quiet })
  t.match(await provider.advertise(listening('127.0.0.1'), signal), {
    peerAddress: '127.0.0.1:9001', apiAddress: '127.0.0.1:9000', reason: /listens there/,
  })
})

test('the way to whom it joins decides, and the loopback is for those on this machine', async (t) => {
  const provider = await openRaw({ settings: { join: '127.0.0.1:9001' }, logger: quiet })
  t.match(await provider.advertise(listening('0.0.0.0'), signal), {
    peerAddress: '127.0.0.1:9001', apiAddress: '127.0.0.1:9000', reason: /the way to 127\.0\.0\.1/,
  })
  const far = await openRaw({ settings: { join: '192.0.2.7:9001' }, logger: quiet })
  await t.rejects(far.advertise(listening('127.0.0.1'), signal), {
    code: 'DISCOVERY_SETTINGS', message: /only its own machine reaches it.*CHANGEWELL_PEER_HOST/,
  })
})

test('who joins by a name that cannot be looked up does not guess its address, who comes back does', async (t) => {
  const names = known()
  names.failure = 'EAI_AGAIN'
  const provider = await openRaw({ settings: { join: 'a.test:9001' }, logger: quiet }, names)
  await t.rejects(provider.advertise(listening('0.0.0.0'), signal), DiscoveryError)
  t.match(await provider.advertise(listening('0.0.0.0', ['127.0.0.1:9011']), signal), { peerAddress: '127.0.0.1:9001' })
})

test('of several interfaces, those come last that only this machine sees', async (t) => {
  const info = (address: string, family: 'IPv4' | 'IPv6', internal = false) => ({
    address, family, internal, netmask: '', mac: '', cidr: null, ...(family === 'IPv6' ? { scopeid: 0 } : {}),
  }) as NonNullable<ReturnType<typeof networkInterfaces>[string]>[number]
  const ranked = await rankedAddresses(['IPv4', 'IPv6'], {
    lo: [info('127.0.0.1', 'IPv4', true), info('::1', 'IPv6', true)],
    docker0: [info('172.17.0.1', 'IPv4')],
    eth1: [info('fe80::1', 'IPv6'), info('fd00::1', 'IPv6'), info('198.51.100.7', 'IPv4')],
    eth2: [info('169.254.3.4', 'IPv4')],
  })
  t.same(ranked.map(({ host }) => host), ['198.51.100.7', 'fd00::1', '172.17.0.1'])
  t.match(ranked[0]!.reason, /^eth1 has it/)
  t.same((await rankedAddresses(['IPv4'])).filter(({ host }) => isLoopback(host)), [])
})

test('connections by name wait in the same line, and get the addresses of the family that they ask for', async (t) => {
  const server = createServer((socket) => socket.end('here')).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const socket = connect({ host: 'localhost', port, lookup: lookupInLine })
  const [text] = await once(socket, 'data')
  t.equal(String(text), 'here')
  const none = connect({ host: 'no-such-name.invalid', port, lookup: lookupInLine })
  const [error] = await once(none, 'error')
  t.match(error, { code: 'DISCOVERY_UNAVAILABLE', message: /no-such-name\.invalid/ })
})
