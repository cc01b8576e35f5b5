/** The one list of handlers: what is in it is served, advertised, authorized and documented. */
import type { Handler } from '../server/handler.js'
import { allocateProducerIds } from './broker/allocate-producer-ids.js'
import { alterPartition } from './broker/alter-partition.js'
import { assignReplicasToDirs } from './broker/assign-replicas-to-dirs.js'
import { brokerHeartbeat } from './broker/broker-heartbeat.js'
import { brokerRegistration } from './broker/broker-registration.js'
import { envelope } from './broker/envelope.js'
import { describeCluster } from './cluster/describe-cluster.js'
import { describeTopicPartitions } from './cluster/describe-topic-partitions.js'
import { metadata } from './cluster/metadata.js'
import { alterConfigs, incrementalAlterConfigs } from './controller/alter-configs.js'
import { alterPartitionReassignments } from './controller/alter-partition-reassignments.js'
import { createPartitions } from './controller/create-partitions.js'
import { createTopics } from './controller/create-topics.js'
import { deleteTopics } from './controller/delete-topics.js'
import { describeConfigs } from './controller/describe-configs.js'
import { electLeaders } from './controller/elect-leaders.js'
import { listConfigResources } from './controller/list-config-resources.js'
import { listPartitionReassignments } from './controller/list-partition-reassignments.js'
import { unregisterBroker } from './controller/unregister-broker.js'
import { updateFeatures } from './controller/update-features.js'
import { consumerGroupDescribe } from './group/consumer-group-describe.js'
import { consumerGroupHeartbeat } from './group/consumer-group-heartbeat.js'
import { deleteGroups } from './group/delete-groups.js'
import { describeGroups } from './group/describe-groups.js'
import { findCoordinator } from './group/find-coordinator.js'
import { heartbeat } from './group/heartbeat.js'
import { joinGroup } from './group/join-group.js'
import { leaveGroup } from './group/leave-group.js'
import { listGroups } from './group/list-groups.js'
import { offsetCommit } from './group/offset-commit.js'
import { offsetDelete } from './group/offset-delete.js'
import { offsetFetch } from './group/offset-fetch.js'
import { syncGroup } from './group/sync-group.js'
import { compareReplicas } from './partition/compare-replicas.js'
import { deleteRecords } from './partition/delete-records.js'
import { describeLogDirs } from './partition/describe-log-dirs.js'
import { describeProducers } from './partition/describe-producers.js'
import { fetch } from './partition/fetch.js'
import { listOffsets } from './partition/list-offsets.js'
import { offsetForLeaderEpoch } from './partition/offset-for-leader-epoch.js'
import { produce } from './partition/produce.js'
import { addRaftVoter } from './quorum/add-raft-voter.js'
import { beginQuorumEpoch } from './quorum/begin-quorum-epoch.js'
import { describeFounding } from './quorum/describe-founding.js'
import { describeQuorum } from './quorum/describe-quorum.js'
import { endQuorumEpoch } from './quorum/end-quorum-epoch.js'
import { fetchSnapshot } from './quorum/fetch-snapshot.js'
import { removeRaftVoter } from './quorum/remove-raft-voter.js'
import { updateRaftVoter } from './quorum/update-raft-voter.js'
import { vote } from './quorum/vote.js'
import type { Services } from './services.js'
import { apiVersions } from './session/api-versions.js'
import { initProducerId } from './session/init-producer-id.js'

export const HANDLERS: readonly Handler<Services>[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions(() => HANDLERS),
  createTopics,
  describeConfigs,
  alterConfigs,
  incrementalAlterConfigs,
  listConfigResources,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeLogDirs,
  deleteGroups,
  offsetDelete,
  createPartitions,
  electLeaders,
  alterPartitionReassignments,
  listPartitionReassignments,
  vote,
  beginQuorumEpoch,
  endQuorumEpoch,
  describeQuorum,
  alterPartition,
  updateFeatures,
  envelope(() => HANDLERS),
  fetchSnapshot,
  describeCluster,
  describeProducers,
  brokerRegistration,
  brokerHeartbeat,
  unregisterBroker,
  allocateProducerIds,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  assignReplicasToDirs,
  describeTopicPartitions,
  describeFounding,
  addRaftVoter,
  removeRaftVoter,
  updateRaftVoter,
  compareReplicas,
]
