/** ElectLeaders: decided by the controller. */
import { ElectLeaders } from '../../../protocol/messages/elect-leaders.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import type { Services } from '../services.js'
import { passOn } from './pass-on.js'

type Request = Infer<typeof ElectLeaders.request>
type Response = InferInput<typeof ElectLeaders.response>

export const electLeaders = handler<Services, typeof ElectLeaders.request.fields, typeof ElectLeaders.response.fields>(
  ElectLeaders,
  {
    versions: [0, 2],
    servedBy: 'controller',
    listeners: ['broker', 'controller'],
    authorize: () => [{ operation: 'ALTER', resource: CLUSTER }],
    refuse: failed,
    handle: (request, services, call) => {
      passOn(services, 'ElectLeaders', request, request.timeoutMs, call, (reply, errorCode) =>
        call.reply(reply ?? failed(request, errorCode)),
      )
    },
  },
)

/** In v0 there is no error of the whole. */
function failed({ topicPartitions }: Request, errorCode: number): Response {
  const replicaElectionResults = (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage: null })),
  }))
  return { throttleTimeMs: 0, errorCode, replicaElectionResults }
}
