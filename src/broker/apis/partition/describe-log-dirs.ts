/**
 * DescribeLogDirs: what the partitions hosted here take on the disk, and how much room there is (KIP-113, KIP-827). Without a list of topics all
 * of them.
 */
import { ErrorCode } from '../../../protocol/errors.js'
import { DescribeLogDirs } from '../../../protocol/messages/describe-log-dirs.js'
import { Partition } from '../../partition.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'

export const describeLogDirs = handler<
  Services,
  typeof DescribeLogDirs.request.fields,
  typeof DescribeLogDirs.response.fields
>(DescribeLogDirs, {
  versions: [0, 5],
  servedBy: 'any broker',
  listeners: ['broker'],
  authorize: () => [{ operation: 'DESCRIBE', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, results: [] }),
  handle: ({ topics: wanted }, services, call) => {
    const { image, replicas } = brokerOf(services)
    const all = [...image.topicsByName.values()].map(({ name, partitions }) => ({
      topic: name,
      partitions: [...partitions.keys()],
    }))
    const hostedIn = (path: string) =>
      (wanted ?? all).flatMap(({ topic: name, partitions }) => {
        const topicId = image.topicsByName.get(name)?.topicId
        if (topicId === undefined) return []
        const hosted = [...new Set(partitions)].flatMap((partitionIndex) => {
          const partition = replicas.find(topicId, partitionIndex)
          if (!(partition instanceof Partition) || !partition.log.directory.startsWith(`${path}/`)) return []
          const { log, highWatermark } = partition
          const offsetLag = Math.max(0, highWatermark - log.logEndOffset)
          return [{ partitionIndex, partitionSize: log.sizeBytes, offsetLag, isFutureKey: false }]
        })
        return hosted.length === 0 ? [] : [{ name, partitions: hosted }]
      })
    const results = replicas.directories.map(({ path, failure, totalBytes, usableBytes }) => ({
      errorCode: failure === undefined ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR,
      logDir: path,
      topics: failure === undefined ? hostedIn(path) : [],
      totalBytes,
      usableBytes,
      isCordoned: false,
    }))
    call.reply({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, results })
  },
})
