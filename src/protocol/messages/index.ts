/** Every message that is declared, in order of key. */
import type { Message } from '../schema.js'
import { AllocateProducerIds } from './allocate-producer-ids.js'
import { ApiVersions } from './api-versions.js'
import { BrokerHeartbeat } from './broker-heartbeat.js'
import { BrokerRegistration } from './broker-registration.js'
import { CreateTopics } from './create-topics.js'
import { DescribeCluster } from './describe-cluster.js'
import { DescribeQuorum } from './describe-quorum.js'
import { Fetch } from './fetch.js'
import { InitProducerId } from './init-producer-id.js'
import { ListOffsets } from './list-offsets.js'
import { Metadata } from './metadata.js'
import { Produce } from './produce.js'

export const MESSAGES: readonly Message[] = [
  Produce,
  Fetch,
  ListOffsets,
  Metadata,
  ApiVersions,
  CreateTopics,
  InitProducerId,
  DescribeQuorum,
  DescribeCluster,
  BrokerRegistration,
  BrokerHeartbeat,
  AllocateProducerIds,
]
