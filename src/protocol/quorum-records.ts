/**
 * Values of the control records of a quorum's log and snapshots (KIP-595, KIP-630, KIP-853). Each begins with its own version, which is
 * a field: `version` of the value is also the version to encode it with.
 */
import { array, int16, int32, int64, string, struct, uint16, uuid } from './field.js'
import { Schema } from './schema.js'

/** A leader has been elected, and by whom. */
export const LeaderChangeMessage = new Schema({
  name: 'LeaderChangeMessage',
  versions: [0, 1],
  flexible: 0,
  fields: {
    version: int16,
    leaderId: int32,
    voters: array(struct({ voterId: int32, voterDirectoryId: uuid.since(1) })),
    grantingVoters: array(struct({ voterId: int32, voterDirectoryId: uuid.since(1) })),
  },
})

/** Which form of the quorum's protocol is in use: 1 since voters can change. */
export const KRaftVersionRecord = new Schema({
  name: 'KRaftVersionRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { version: int16, kRaftVersion: int16 },
})

/** Who votes from here on. */
export const VotersRecord = new Schema({
  name: 'VotersRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    version: int16,
    voters: array(
      struct({
        voterId: int32,
        voterDirectoryId: uuid,
        endpoints: array(struct({ name: string, host: string, port: uint16 })),
        kRaftVersionFeature: struct({ minSupportedVersion: int16, maxSupportedVersion: int16 }),
      }),
    ),
  },
})

export const SnapshotHeaderRecord = new Schema({
  name: 'SnapshotHeaderRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { version: int16, lastContainedLogTimestamp: int64 },
})

export const SnapshotFooterRecord = new Schema({
  name: 'SnapshotFooterRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { version: int16 },
})
