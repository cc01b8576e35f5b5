/** DescribeFounding: whether this node belongs to a cluster, for one that belongs to none yet and names this one in its settings. */
import { ZERO_UUID } from '../../../base/uuid.js'
import { DescribeFounding } from '../../../protocol/messages/describe-founding.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'

export type FoundingResponse = InferInput<typeof DescribeFounding.response>

/** What it needs of the node, which has nothing else yet when it is asked first. */
export interface FoundingServices {
  readonly founding: { answer(): FoundingResponse }
}

export const describeFounding = handler<
  FoundingServices,
  typeof DescribeFounding.request.fields,
  typeof DescribeFounding.response.fields
>(DescribeFounding, {
  versions: [0, 0],
  servedBy: 'any node',
  listeners: ['controller'],
  untold: true,
  authorize: () => [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }],
  refuse: (_, errorCode) => ({
    errorCode,
    nodeId: -1,
    directoryId: ZERO_UUID,
    named: '',
    foundingVoters: [],
    endpoints: [],
  }),
  handle: (_, { founding }, call) => call.reply(founding.answer()),
})
