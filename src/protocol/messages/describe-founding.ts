/**
 * DescribeFounding: lograft's own: a node that belongs to no cluster yet asks those that its settings name whether they do.
 *
 * `named`: what the settings name, as one text that does not depend on the order; `foundingVoters`: those with which the cluster began, as
 * far as it is known there.
 */
import { array, int16, int32, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

const endpoints = array(struct({ name: string, host: string, port: uint16 }))

export const DescribeFounding = message({
  name: 'DescribeFounding',
  key: 20000,
  versions: [0, 0],
  flexible: 0,
  request: { nodeId: int32, directoryId: uuid, named: string },
  response: {
    errorCode: int16,
    nodeId: int32,
    directoryId: uuid,
    named: string,
    /** Null: it belongs to none. */
    clusterId: string.nullable().default(null),
    /** It was formatted for this cluster, and knows of nobody in it. */
    formattedFor: string.nullable().default(null),
    foundingVoters: array(struct({ nodeId: int32, directoryId: uuid, endpoints })),
    /** -1: none known. */
    leaderId: int32.default(-1),
    leaderEpoch: int32.default(-1),
    /** Where it serves controllers. */
    endpoints,
  },
})
