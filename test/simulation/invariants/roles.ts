import { allVoters, entryTypes } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/**
 * Only voters campaign, lead, and are handed leadership; who campaigns follows nobody, and who leads itself. Nobody
 * campaigns with a committed change of the members that is not applied: it would count the wrong votes.
 */
export function roles (): Check {
  return {
    turned ({ id, name, disk: { shown } }, { role, leader, term, configuration, applied, commit }) {
      if (role === 'follower') return
      if (!allVoters(configuration).includes(id)) {
        throw new Violation('roles', `${name} is ${role} in term ${term}, and no voter`)
      }
      if (leader !== (role === 'leader' ? id : null)) {
        throw new Violation('roles', `${name} is ${role} in term ${term}, and takes ${leader} for the leader`)
      }
      if (role === 'leader') return
      for (let index = applied + 1; index <= commit; index++) {
        if (shown.entry(index)?.type !== entryTypes.configuration) continue
        throw new Violation('roles', `${name} is ${role} in term ${term}, and has not applied the change at ${index}`)
      }
    },
    sending ({ name, configurations }, { type, to }) {
      if (type !== 'timeout-now') return
      if (configurations.some((configuration) => allVoters(configuration).includes(to))) return
      throw new Violation('roles', `${name} hands leadership to ${to}, which is no voter`)
    },
  }
}
