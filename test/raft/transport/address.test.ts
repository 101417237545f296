import t from 'tap'
import { joinAddress, splitAddress } from '../../../plugins/raft/transport/address.ts'

t.test('an address is a host and a port, with an IPv6 host in brackets', async (t) => {
  for (const [address, host, port] of [
    ['127.0.0.1:9001', '127.0.0.1', 9001], ['node-1.example:1', 'node-1.example', 1], ['[::1]:9001', '::1', 9001],
    ['[fe80::1%eth0]:65535', 'fe80::1%eth0', 65535], ['[2001:db8::a:1]:80', '2001:db8::a:1', 80],
  ] as const) {
    t.strictSame(splitAddress(address), { host, port })
    t.equal(joinAddress(host, port), address)
  }
})

t.test('what cannot be dialled is refused', async (t) => {
  for (const address of [
    '', ':', 'host', 'host:', ':9001', '::1:9001', '[::1]', '[::1]:', '[]:1', '[host]:1', '[::1]:1:2', 'host:0', 'host:65536',
    'host:1e3', 'host:-1', 'host: 1', ' host:1', 'http://host:1', 'a/b:1', 'user@host:1', 'host:123456', 'ho\nst:1',
  ]) {
    t.throws(() => splitAddress(address), RangeError, JSON.stringify(address))
  }
})
