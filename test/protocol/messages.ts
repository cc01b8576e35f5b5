/** Every message that is declared, in order of key. */

import { AllocateProducerIds } from '../../src/protocol/messages/allocate-producer-ids.js'
import { ApiVersions } from '../../src/protocol/messages/api-versions.js'
import { BrokerHeartbeat } from '../../src/protocol/messages/broker-heartbeat.js'
import { BrokerRegistration } from '../../src/protocol/messages/broker-registration.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { DescribeCluster } from '../../src/protocol/messages/describe-cluster.js'
import { DescribeQuorum } from '../../src/protocol/messages/describe-quorum.js'
import { Fetch } from '../../src/protocol/messages/fetch.js'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import type { Message } from '../../src/protocol/schema.js'

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
