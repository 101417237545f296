import { Type } from 'typebox'
import { tenantNameFault } from '../../storage/names.ts'
import { Problem } from '../../storage/problem.ts'
import type { Webhook } from '../../storage/types.ts'

const hooksMax = 32

const timeoutMsMax = 60_000

export const webhook = Type.Object({
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'What refusals and metrics call it.' }),
  url: Type.String({ maxLength: 2048, description: 'https:, or http: to a loopback address. It gets a POST with the change.' }),
  tenant: Type.Optional(Type.String({ description: 'The name of a tenant: only changes in it and below it. All when absent.' })),
  tag: Type.Optional(Type.String({ minLength: 1, description: 'Only changes with this tag.' })),
  headers: Type.Record(Type.String(), Type.String(), { default: {}, description: 'Sent with each call: credentials, for instance.' }),
  timeoutMs: Type.Integer({ minimum: 10, maximum: timeoutMsMax, default: 2000, description: 'An answer that takes longer is none.' }),
  onFailure: Type.Union([Type.Literal('fail-closed'), Type.Literal('fail-open')], {
    default: 'fail-closed', description: 'What becomes of a change when the hook does not answer: it is refused, or made unseen.',
  }),
}, { additionalProperties: false })

export const webhooks = Type.Array(webhook, {
  maxItems: hooksMax, description: 'Validation hooks, which the leader asks before a change is made. They are set all together.',
})

/** Header fields that the call itself sets, or that are about the connection. */
const ownHeaders = new Set([
  'accept', 'connection', 'content-length', 'content-type', 'expect', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade',
])

/** @throws Problem INVALID_FIELD */
export function checkWebhooks (hooks: readonly Webhook[]): void {
  const names = new Set<string>()
  hooks.forEach((hook, at) => {
    const fail = (member: string, reason: string): never => {
      throw new Problem('INVALID_FIELD', { field: `/webhooks/${at}/${member}`, reason })
    }
    if (names.has(hook.name)) fail('name', 'is that of another hook')
    names.add(hook.name)
    const urlFault = faultOfUrl(hook.url)
    if (urlFault !== null) fail('url', urlFault)
    const tenantFault = hook.tenant === undefined ? null : tenantNameFault(hook.tenant)
    if (tenantFault !== null) fail('tenant', tenantFault)
    for (const [name, value] of Object.entries(hook.headers)) {
      // The value is not repeated: it may be a secret.
      if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name)) fail(`headers/${name}`, 'is no name of a header')
      if (ownHeaders.has(name.toLowerCase())) fail(`headers/${name}`, 'is set by the call itself')
      if (!/^[\x20-\x7e]{0,4096}$/.test(value)) fail(`headers/${name}`, 'must be at most 4096 visible ASCII characters and spaces')
    }
  })
}

function faultOfUrl (text: string): string | null {
  if (!URL.canParse(text)) return 'is no URL'
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return 'must not hold credentials: send them in headers'
  if (protocol === 'https:') return null
  const isLoopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.[0-9]+){3}$/.test(hostname)
  return protocol === 'http:' && isLoopback ? null : 'must begin with https:, or lead to a loopback address by http:'
}
