import { parseArgs } from 'node:util'
import { SettingsError } from '../read-settings.ts'
import { CallRefused, openCall, type Call } from './call.ts'

export const help = `Usage: changewell member <what> [options]

  list                       the members, and which one leads
  add <id>                   adds a node: it must run already, with CHANGEWELL_JOIN
      --peer <host:port>       where other nodes reach it
      --api <host:port>        where clients reach it
      --role voter|replica     what it becomes (voter)
  promote <id>               makes a replica a voter
  demote <id>                makes a voter a replica
  remove <id>                removes a node for good; a leader hands its place on first
  lead [<id>]                hands leadership to this node, or to the best follower
      --if-leader              only if the node of --url leads; else nothing is done

Options:
  --url <url>                any node of the cluster (http://127.0.0.1:9000)
  --wait <seconds>           how long to wait until it is done (60)
  --json                     answers as JSON

A node that asks for credentials gets CHANGEWELL_TOKEN, or CHANGEWELL_USER (name:password), from the environment. For https
URLs, CHANGEWELL_CALL_CA names whom to trust, and CHANGEWELL_CALL_CERT and CHANGEWELL_CALL_KEY what to show.
`

interface Member {
  id: string
  role: string
  state: string
  /** Shown to operators only. */
  peerAddress?: string
  apiAddress: string
  matchIndex?: number
  waitsFor?: string
}

/** `changewell member`. Resolves to the exit code: 0 done, 1 refused or not done yet, 2 wrong arguments. */
export async function run (args: string[]): Promise<number> {
  const options = {
    url: { type: 'string', default: 'http://127.0.0.1:9000' },
    wait: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
    peer: { type: 'string' },
    api: { type: 'string' },
    role: { type: 'string', default: 'voter' },
    'if-leader': { type: 'boolean', default: false },
  } as const
  let parsed
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    return wrong((error as Error).message)
  }
  const { values, positionals: [what = '', id, ...more] } = parsed
  const needsId = ['add', 'promote', 'demote', 'remove'].includes(what)
  if (!needsId && !['list', 'lead'].includes(what)) return wrong(what === '' ? 'What about the members?' : `There is no member ${what}.`)
  if (more.length > 0 || (what === 'list' && id !== undefined)) return wrong('There are too many arguments.')
  if (needsId && (id === undefined || !/^[0-9a-f]{16}$/.test(id))) return wrong(`member ${what} needs the id of a node: 16 hex digits.`)
  if (what === 'add' && (values.peer === undefined || values.api === undefined)) return wrong('member add needs --peer and --api.')
  if (!/^\d{1,4}$/.test(values.wait)) return wrong('--wait needs a number of seconds.')
  let call: Call
  try {
    call = await openCall(values.url)
  } catch (error) {
    if (error instanceof CallRefused) return refused(error)
    if (!(error instanceof SettingsError)) throw error
    return wrong(error.message)
  }
  const query = `?wait=${values.wait}`
  try {
    switch (what) {
      case 'list': return await list(call, values.json)
      case 'add': return told(await call('POST', `/cluster/members${query}`, {
        id, role: values.role, peerAddress: values.peer, apiAddress: values.api,
      }), values.json)
      case 'promote': return told(await call('PUT', `/cluster/members/${id}${query}`, { role: 'voter' }), values.json)
      case 'demote': return told(await call('PUT', `/cluster/members/${id}${query}`, { role: 'replica' }), values.json)
      case 'remove': return told(await call('DELETE', `/cluster/members/${id}${query}`), values.json, `${id} is no member any more`)
      default: {
        const from = values['if-leader'] ? { from: ((await call('GET', '/cluster')).body as { id: string }).id } : {}
        const body = { ...from, ...(id === undefined ? {} : { id }) }
        const { leader } = (await call('PUT', '/cluster/leader', body)).body as { leader: string | null }
        process.stdout.write(values.json ? `${JSON.stringify({ leader })}\n` : `${leader ?? 'nobody'} leads\n`)
        return 0
      }
    }
  } catch (error) {
    if (!(error instanceof CallRefused)) throw error
    return refused(error)
  }
}

async function list (call: Call, json: boolean): Promise<number> {
  const { leader, members } = (await call('GET', '/cluster')).body as { leader: string | null, members: Member[] }
  if (json) {
    process.stdout.write(`${JSON.stringify({ leader, members })}\n`)
    return 0
  }
  const rows = members.map(({ id, role, state, peerAddress = '', apiAddress, waitsFor }) => (
    [id, role, state, peerAddress, apiAddress, id === leader ? 'leads' : waitsFor === undefined ? '' : `waits for ${waitsFor}`]))
  process.stdout.write(table([['ID', 'ROLE', 'STATE', 'PEER', 'API', ''], ...rows]))
  return 0
}

function told ({ status, body }: { status: number, body: unknown }, json: boolean, done?: string): number {
  const member = body as Member | null
  if (json) process.stdout.write(`${JSON.stringify(member)}\n`)
  else if (member === null) process.stdout.write(`${done}\n`)
  else process.stdout.write(`${member.id} is ${member.state}${member.waitsFor === undefined ? '' : `, and waits for ${member.waitsFor}`}\n`)
  return status === 202 ? 1 : 0
}

function table (rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd() + '\n').join('')
}

function refused ({ message }: CallRefused): number {
  process.stderr.write(`changewell: ${message}\n`)
  return 1
}

function wrong (reason: string): number {
  process.stderr.write(`changewell: ${reason}\n\n${help}`)
  return 2
}
