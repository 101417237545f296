import { BinaryReader, BinaryWriter } from '../../storage/binary.ts'
import type { AppliedConfiguration } from '../../storage/database.ts'
import { allMembers, allVoters, emptyConfiguration, type Configuration } from './core/index.ts'
import { readConfiguration, writeConfiguration } from './transport/codec.ts'

/** The configuration as the database keeps it: bytes that it does not look into, and who is what. */
export function appliedConfiguration (configuration: Configuration): AppliedConfiguration {
  const out = new BinaryWriter()
  writeConfiguration(out, configuration)
  const voters = [...allVoters(configuration)]
  const learners = [...allMembers(configuration)].filter((id) => !voters.includes(id))
  return { bytes: out.finish(), voters, learners }
}

/** The configuration that the database holds; the empty one while it holds none. */
export function configurationOf (applied: AppliedConfiguration | null): Configuration {
  return applied === null ? emptyConfiguration : readConfiguration(new BinaryReader(applied.bytes))
}
