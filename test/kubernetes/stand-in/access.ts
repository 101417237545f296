import { randomBytes } from 'node:crypto'
import { Failure } from './failure.ts'
import { kinds, type Kind, type Objects, type Thing } from './objects.ts'

export interface User {
  name: string
  isAdmin: boolean
  namespace: string
  serviceAccount: string
}

interface Token {
  user: User
  expiresAt: number
  /** The token dies with this object. */
  bound: { kind: string, name: string, uid: string } | null
}

interface Rule {
  apiGroups: string[]
  resources: string[]
  verbs: string[]
}

/** Who calls, by bound service account tokens, and what they may do, by Roles: exact verbs, one namespace. */
export class Access {
  readonly adminToken = randomBytes(16).toString('hex')
  readonly #objects: Objects
  readonly #tokens = new Map<string, Token>()

  constructor (objects: Objects) {
    this.#objects = objects
  }

  /** @throws Failure with 401 */
  userOf (authorization: string | undefined): User {
    const text = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]
    if (text === this.adminToken) return { name: 'admin', isAdmin: true, namespace: '', serviceAccount: '' }
    const token = text === undefined ? undefined : this.#tokens.get(text)
    if (token === undefined || token.expiresAt <= Date.now() || !this.#isAlive(token)) {
      throw new Failure(401, 'Unauthorized', 'Unauthorized')
    }
    return token.user
  }

  /** Answers a TokenRequest. */
  issue (namespace: string, account: Thing, request: TokenRequest): object {
    const { expirationSeconds = 3600, boundObjectRef = null } = request.spec ?? {}
    if (expirationSeconds < 600) {
      throw new Failure(422, 'Invalid', 'spec.expirationSeconds: Invalid value: may not specify a duration less than 10 minutes')
    }
    const token: Token = {
      user: {
        name: `system:serviceaccount:${namespace}:${account.metadata.name}`, isAdmin: false, namespace, serviceAccount: account.metadata.name,
      },
      expiresAt: Date.now() + expirationSeconds * 1000,
      bound: boundObjectRef,
    }
    if (!this.#isAlive(token)) throw new Failure(409, 'Conflict', 'the object that the token is bound to does not exist')
    const text = randomBytes(24).toString('hex')
    this.#tokens.set(text, token)
    return { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: {}, status: { token: text } }
  }

  /** @throws Failure with 403 */
  assertMay (user: User, verb: string, kind: Kind, namespace: string): void {
    const { group, resource } = kind
    if (user.isAdmin || this.#isAllowed(user, verb, group, resource, namespace)) return
    throw new Failure(403, 'Forbidden', `${resource}${group === '' ? '' : `.${group}`} is forbidden: User "${user.name}" cannot ${verb} ` +
      `resource "${resource}" in API group "${group}" in the namespace "${namespace}"`)
  }

  /** Answers a SubjectAccessReview: whether a service account may do that. */
  review (user: User, { spec }: Review): object {
    if (!user.isAdmin) throw new Failure(403, 'Forbidden', 'subjectaccessreviews is forbidden')
    const [, , of = '', serviceAccount = ''] = spec.user.split(':')
    const { namespace, verb, group, resource } = spec.resourceAttributes
    const subject = { name: spec.user, isAdmin: false, namespace: of, serviceAccount }
    const allowed = this.#isAllowed(subject, verb, group, resource, namespace)
    return { spec, status: { allowed } }
  }

  #isAllowed (user: User, verb: string, group: string, resource: string, namespace: string): boolean {
    return namespace !== '' && this.#rulesOf(user, namespace).some(({ apiGroups, resources, verbs }) => (
      apiGroups.includes(group) && resources.includes(resource) && verbs.includes(verb)))
  }

  #rulesOf (user: User, namespace: string): Rule[] {
    return this.#objects.list(kindOf('rolebindings'), namespace).flatMap((binding) => {
      const { subjects = [], roleRef } = binding as unknown as Binding
      const isBound = subjects.some(({ kind, name, namespace: of }) => (
        kind === 'ServiceAccount' && name === user.serviceAccount && of === user.namespace))
      const role = isBound ? this.#objects.find(kindOf('roles'), namespace, roleRef.name) : undefined
      return role === undefined ? [] : (role as unknown as { rules: Rule[] }).rules
    })
  }

  #isAlive ({ user, bound }: Token): boolean {
    if (this.#objects.find(kindOf('serviceaccounts'), user.namespace, user.serviceAccount) === undefined) return false
    if (bound === null) return true
    const kind = kinds.find(({ kind: name }) => name === bound.kind)
    return kind !== undefined && this.#objects.find(kind, user.namespace, bound.name)?.metadata.uid === bound.uid
  }
}

export interface TokenRequest {
  spec?: { expirationSeconds?: number, boundObjectRef?: { kind: string, name: string, uid: string } }
}

export interface Review {
  spec: { user: string, resourceAttributes: { namespace: string, verb: string, group: string, resource: string } }
}

interface Binding {
  subjects?: { kind: string, name: string, namespace: string }[]
  roleRef: { name: string }
}

function kindOf (resource: string): Kind {
  return kinds.find((kind) => kind.resource === resource)!
}
