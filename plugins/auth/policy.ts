import { parse, type MemberNode, type ObjectNode, type ValueNode } from '@humanwhocodes/momoa'
import { tenantNameFault } from '../../storage/names.ts'
import { identityFault, type Fault, type Parsed } from './faults.ts'
import { allRights, bothOf, noRights, Rights, type Grant } from './rights.ts'

/** Which identity has which rights. */
export class Policy {
  readonly #anonymous: Rights
  readonly #identities: ReadonlyMap<string, Rights>
  readonly #others: Rights

  /** @param others what those have that have no entry of their own */
  constructor (anonymous: Grant, identities: ReadonlyMap<string, Grant>, others: Grant = noRights) {
    // Credentials never take away what everybody has without them.
    const withCommon = (grant: Grant): Rights => new Rights(bothOf(anonymous, grant))
    this.#anonymous = new Rights(anonymous)
    this.#identities = new Map([...identities].map(([name, grant]) => [name, withCommon(grant)]))
    this.#others = withCommon(others)
  }

  /** @param identity null for whoever came without credentials */
  rightsOf (identity: string | null): Rights {
    return identity === null ? this.#anonymous : this.#identities.get(identity) ?? this.#others
  }

  get names (): string[] {
    return [...this.#identities.keys()]
  }
}

/** Without a policy file: whoever proves to be somebody may do everything, and others nothing. */
export const openPolicy = new Policy(noRights, new Map(), allRights)

/** The policy file; docs/operating/access.md has its reference. */
export function parsePolicy (text: string): Parsed<Policy> {
  const reader = new PolicyReader()
  const value = reader.read(text)
  return { value, faults: reader.faults }
}

const shape = 'write {"anonymous": RIGHTS, "identities": {"NAME": RIGHTS}}'
const rightsShape = 'rights are an object like {"read": ["coke"], "write": ["coke/deployments"], "admin": true, "metrics": true}'

class PolicyReader {
  readonly faults: Fault[] = []

  read (text: string): Policy {
    const identities = new Map<string, Grant>()
    let anonymous = noRights
    for (const { name, node } of this.#members(this.#parse(text), `a policy is an object; ${shape}`)) {
      if (name === 'anonymous') anonymous = this.#grant(node)
      else if (name !== 'identities') this.#fault(node, `${JSON.stringify(name)} means nothing here; ${shape}`)
      else this.#identities(node, identities)
    }
    return new Policy(anonymous, identities)
  }

  #parse (text: string): ValueNode | null {
    try {
      return parse(text, { mode: 'json' }).body
    } catch (error) {
      const { line = 0, message } = error as { line?: number, message: string }
      this.faults.push({ line, reason: `it is not JSON (${message.replace(/ ?\(\d+:\d+\)$/, '').replace(/\.$/, '')}); ${shape}` })
      return null
    }
  }

  #identities (node: ValueNode, identities: Map<string, Grant>): void {
    for (const { name, node: rights } of this.#members(node, 'identities are an object with a name for each member')) {
      const reason = identityFault(name)
      if (reason !== null) this.#fault(rights, reason)
      identities.set(name, this.#grant(rights))
    }
  }

  #grant (node: ValueNode): Grant {
    const grant = { ...noRights }
    for (const { name, node: value } of this.#members(node, rightsShape)) {
      if (name === 'read' || name === 'write') grant[name] = this.#names(name, value)
      else if (name !== 'admin' && name !== 'metrics') this.#fault(value, `there is no role ${JSON.stringify(name)}; ${rightsShape}`)
      else if (value.type !== 'Boolean') this.#fault(value, `${name} is true or false: it is on no tenant`)
      else grant[name] = value.value
    }
    return grant
  }

  #names (role: string, node: ValueNode): string[] {
    if (node.type !== 'Array') {
      this.#fault(node, `${role} is an array of names of tenants, or ["*"] for all`)
      return []
    }
    return node.elements.flatMap(({ value }) => {
      if (value.type === 'String') {
        const reason = nameFault(value.value)
        if (reason === null) return [value.value]
        this.#fault(value, `${JSON.stringify(value.value)} is no tenant's name: it ${reason}`)
      } else {
        this.#fault(value, `${role} holds names of tenants in quotes`)
      }
      return []
    })
  }

  /** The members of an object, each name once; none of what is no object, which is a fault. */
  #members (node: ValueNode | null, otherwise: string): { name: string, node: ValueNode }[] {
    if (node === null) return []
    if (node.type !== 'Object') {
      this.#fault(node, otherwise)
      return []
    }
    const names = new Set<string>()
    return (node as ObjectNode).members.map((member: MemberNode) => {
      const name = member.name.type === 'String' ? member.name.value : member.name.name
      // Of two, a plain reader of JSON would take the last in silence.
      if (names.has(name)) this.#fault(member.name, `${JSON.stringify(name)} is there twice; put both together`)
      names.add(name)
      return { name, node: member.value }
    })
  }

  #fault ({ loc }: { loc: { start: { line: number } } }, reason: string): void {
    this.faults.push({ line: loc.start.line, reason })
  }
}

function nameFault (name: string): string | null {
  if (name === '*') return null
  if (name.endsWith('/*')) return `must end before the slash: a right covers what is below, too (${JSON.stringify(name.slice(0, -2))})`
  return name.includes('*') ? 'must not have a star in it: only "*" alone stands for all' : tenantNameFault(name)
}
