/** FetchSnapshot: a piece of a snapshot of the metadata, of the leader (KIP-630). */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { FetchSnapshot } from '../../../protocol/messages/fetch-snapshot.js'
import type { InferInput } from '../../../protocol/schema.js'
import { METADATA_TOPIC } from '../../../storage/log-files.js'
import type { SnapshotPiece } from '../../quorum/snapshots.js'
import { handler } from '../../server/handler.js'
import type { Services } from '../services.js'
import { AS_A_SERVER, isOfCluster, leaderEndpoints, logPartition } from './metadata-log.js'

type Response = InferInput<typeof FetchSnapshot.response>

const NOTHING = new Uint8Array(0)

export const fetchSnapshot = handler<
  Services,
  typeof FetchSnapshot.request.fields,
  typeof FetchSnapshot.response.fields
>(FetchSnapshot, {
  versions: [1, 1],
  servedBy: 'controller',
  listeners: ['controller'],
  alone: true,
  authorize: () => AS_A_SERVER,
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, topics: [] }),
  handle: ({ clusterId, replicaId, maxBytes, topics }, services, call) => {
    const refuse = (errorCode: number): void => call.reply({ throttleTimeMs: 0, errorCode, topics: [] })
    if (!isOfCluster(services, clusterId)) return refuse(ErrorCode.INCONSISTENT_CLUSTER_ID)
    const part = logPartition(topics, ({ partition }) => partition)
    if (part === undefined) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    const { currentLeaderEpoch, replicaDirectoryId, position } = part
    const snapshotId = { offset: part.snapshotId.endOffset, epoch: part.snapshotId.epoch }
    const replica = { id: replicaId, directoryId: replicaDirectoryId }
    const request = { kind: 'fetchSnapshot', replica, currentLeaderEpoch, snapshotId } as const
    const forget = services.quorum.step(request, ({ error, leaderId, leaderEpoch }) => {
      const answer = (errorName: ErrorName, piece?: SnapshotPiece): void => {
        const partition: Response['topics'][number]['partitions'][number] = {
          index: 0,
          errorCode: ErrorCode[errorName],
          snapshotId: part.snapshotId,
          currentLeader: { leaderId, leaderEpoch },
          size: piece?.sizeBytes ?? 0,
          position,
          unalignedRecords: piece?.bytes ?? NOTHING,
        }
        call.reply({
          throttleTimeMs: 0,
          errorCode: ErrorCode.NONE,
          topics: [{ name: METADATA_TOPIC, partitions: [partition] }],
          nodeEndpoints: leaderEndpoints(services),
        })
      }
      if (error !== 'NONE') return answer(error)
      services.quorum.readSnapshot(snapshotId, position, maxBytes, (pieceError, piece) =>
        answer(pieceError ?? 'NONE', piece),
      )
    })
    call.whenGone(forget)
  },
})
