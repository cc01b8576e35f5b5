/**
 * What a group shard is asked: Kafka's own messages as the wire has them. A request that names several groups comes with those of one shard; OffsetFetch
 * always comes in the shape of version 8 (`groups`), with the version that the client speaks beside it.
 */
import type { ConsumerGroupDescribe } from '../../protocol/messages/consumer-group-describe.js'
import type { ConsumerGroupHeartbeat } from '../../protocol/messages/consumer-group-heartbeat.js'
import type { DeleteGroups } from '../../protocol/messages/delete-groups.js'
import type { DescribeGroups } from '../../protocol/messages/describe-groups.js'
import type { Heartbeat } from '../../protocol/messages/heartbeat.js'
import type { JoinGroup } from '../../protocol/messages/join-group.js'
import type { LeaveGroup } from '../../protocol/messages/leave-group.js'
import type { ListGroups } from '../../protocol/messages/list-groups.js'
import type { OffsetCommit } from '../../protocol/messages/offset-commit.js'
import type { OffsetDelete } from '../../protocol/messages/offset-delete.js'
import type { OffsetFetch } from '../../protocol/messages/offset-fetch.js'
import type { SyncGroup } from '../../protocol/messages/sync-group.js'
import type { Infer, InferInput } from '../../protocol/schema.js'
import type { Shard, ShardDecision } from '../shard.js'
import type { GroupRecord } from './group-records.js'

/** By the names that the messages have. */
interface Messages {
  JoinGroup: typeof JoinGroup
  SyncGroup: typeof SyncGroup
  Heartbeat: typeof Heartbeat
  LeaveGroup: typeof LeaveGroup
  OffsetCommit: typeof OffsetCommit
  OffsetFetch: typeof OffsetFetch
  OffsetDelete: typeof OffsetDelete
  DeleteGroups: typeof DeleteGroups
  DescribeGroups: typeof DescribeGroups
  ListGroups: typeof ListGroups
  ConsumerGroupHeartbeat: typeof ConsumerGroupHeartbeat
  ConsumerGroupDescribe: typeof ConsumerGroupDescribe
}

export type GroupApi = keyof Messages
export type RequestOf<Api extends GroupApi> = Infer<Messages[Api]['request']>
export type ResponseOf<Api extends GroupApi> = InferInput<Messages[Api]['response']>

/** Who asks. */
export interface GroupClient {
  /** Empty if it has none. */
  readonly clientId: string
  /** As Kafka shows it: `/127.0.0.1`. */
  readonly host: string
}

export interface GroupRequestOf<Api extends GroupApi> {
  readonly api: Api
  readonly version: number
  readonly body: RequestOf<Api>
  readonly client: GroupClient
}

export interface GroupReplyOf<Api extends GroupApi> {
  readonly api: Api
  readonly body: ResponseOf<Api>
}

export type GroupRequest = { [Api in GroupApi]: GroupRequestOf<Api> }[GroupApi]
export type GroupReply = { [Api in GroupApi]: GroupReplyOf<Api> }[GroupApi]
export type GroupDecision = ShardDecision<GroupRecord, GroupReply>
export type GroupShardContract = Shard<GroupRequest, GroupRecord, GroupReply>
