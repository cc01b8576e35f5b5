/**
 * StreamsGroupTopologyDescriptionUpdate: a member of a streams group describes the topology that it runs (v1 of StreamsGroupHeartbeat tells it to).
 */
import { array, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

const topologyDescriptionNode = struct({
  name: string,
  nodeType: int8,
  sourceTopics: array(string),
  sinkTopic: string.nullable().default(null),
  stores: array(string),
  successors: array(string),
})

export const StreamsGroupTopologyDescriptionUpdate = message({
  name: 'StreamsGroupTopologyDescriptionUpdate',
  key: 93,
  versions: [0, 0],
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    topologyEpoch: int32,
    topologyDescription: struct({
      subtopologies: array(
        struct({
          subtopologyId: string,
          nodes: array(topologyDescriptionNode),
        }),
      ),
      globalStores: array(
        struct({
          source: topologyDescriptionNode,
          processor: topologyDescriptionNode,
        }),
      ),
    }),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable().default(null),
  },
})
