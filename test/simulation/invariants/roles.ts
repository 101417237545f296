import { allVoters } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/** Only voters campaign, lead, and are handed leadership; who campaigns follows nobody, and who leads itself. */
export function roles (): Check {
  return {
    turned ({ id, name }, { role, leader, term, configuration }) {
      if (role === 'follower') return
      if (!allVoters(configuration).includes(id)) {
        throw new Violation('roles', `${name} is ${role} in term ${term}, and no voter`)
      }
      if (leader !== (role === 'leader' ? id : null)) {
        throw new Violation('roles', `${name} is ${role} in term ${term}, and takes ${leader} for the leader`)
      }
    },
    sending ({ name, configurations }, { type, to }) {
      if (type !== 'timeout-now') return
      if (configurations.some((configuration) => allVoters(configuration).includes(to))) return
      throw new Violation('roles', `${name} hands leadership to ${to}, which is no voter`)
    },
  }
}
