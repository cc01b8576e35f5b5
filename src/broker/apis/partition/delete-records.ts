/**
 * DeleteRecords: moves the start of logs to an offset, -1 for the high watermark (KIP-107). Answered when that is durable: what was deleted does
 * not come back. The files go later, whole segments at a time.
 *
 * Left out: waiting for followers.
 */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { DeleteRecords } from '../../../protocol/messages/delete-records.js'
import { handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { withDiskTime } from './disk-time.js'
import { findPartition } from './find-partition.js'

interface Result {
  readonly error: ErrorName | undefined
  readonly lowWatermark: number
}

export const deleteRecords = handler<
  Services,
  typeof DeleteRecords.request.fields,
  typeof DeleteRecords.response.fields
>(DeleteRecords, {
  versions: [0, 2],
  servedBy: 'partition leader',
  listeners: ['broker'],
  authorize: ({ topics }) => topics.map(({ name }) => ({ operation: 'DELETE', resource: topic(name) })),
  refuse: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode })),
    })),
  }),
  handle: ({ topics, timeoutMs }, services, call) => {
    const broker = brokerOf(services)
    const wanted = topics.flatMap(({ name, partitions }) => partitions.map((each) => ({ name, ...each })))
    const results = new Array<Result | undefined>(wanted.length).fill(undefined)
    let open = wanted.length
    let answered = false
    const answer = (): void => {
      if (answered) return
      answered = true
      timer.cancel()
      let next = 0
      call.reply({
        throttleTimeMs: 0,
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => {
            const { error, lowWatermark } = results[next++] ?? { error: 'REQUEST_TIMED_OUT' as const, lowWatermark: -1 }
            return { partitionIndex, lowWatermark, errorCode: ErrorCode[error ?? 'NONE'] }
          }),
        })),
      })
    }
    const timer = services.clock.timer(withDiskTime(timeoutMs), answer)
    for (const [at, { name, partitionIndex, offset }] of wanted.entries()) {
      const settle = (error: ErrorName | undefined, lowWatermark = -1): void => {
        results[at] = { error, lowWatermark }
        open--
        if (open === 0) answer()
      }
      const partition = findPartition(broker, { name, topicId: undefined }, partitionIndex)
      if (typeof partition === 'string') settle(partition)
      else
        partition.deleteBefore(offset, (error) => settle(error, error === undefined ? partition.log.startOffset : -1))
    }
    if (wanted.length === 0) answer()
  },
})
