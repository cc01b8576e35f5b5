/** Made from proto/metadata.proto by proto/generate.mjs; not to be changed by hand. */
export const schema = {
  nested: {
    lograft: {
      nested: {
        metadata: {
          nested: {
            Reason: {
              values: {
                REASON_UNSPECIFIED: 0,
                TOPIC_CREATED: 1,
                BROKER_REGISTERED: 2,
                BROKER_RESTARTED: 3,
                BROKER_CAUGHT_UP: 4,
                BROKER_SILENT: 5,
                BROKER_ASKED: 6,
                TOPIC_DELETED: 7,
                PARTITIONS_ADDED: 8,
                ELECTION_ASKED: 9,
                SNAPSHOT: 10,
                BROKER_SESSION_CLOSED: 11,
                BROKER_SHUTS_DOWN: 12,
                BROKER_UNREGISTERED: 13,
                ISR_PROPOSED: 14,
                UNCLEAN_ELECTION: 15,
                LEADERS_BALANCED: 16,
                SETTINGS_CHANGED: 17,
                REASSIGNMENT_ASKED: 18,
                LEADER_HANDED_OVER: 19,
              },
            },
            Cause: {
              fields: { reason: { type: 'Reason', id: 1 }, evidence: { keyType: 'string', type: 'string', id: 2 } },
            },
            FeatureLevel: { fields: { name: { type: 'string', id: 1 }, level: { type: 'int32', id: 2 } } },
            Endpoint: {
              fields: {
                name: { type: 'string', id: 1 },
                host: { type: 'string', id: 2 },
                port: { type: 'int32', id: 3 },
                securityProtocol: { type: 'string', id: 4, protoName: 'security_protocol' },
              },
            },
            FeatureRange: {
              fields: {
                name: { type: 'string', id: 1 },
                minLevel: { type: 'int32', id: 2, protoName: 'min_level' },
                maxLevel: { type: 'int32', id: 3, protoName: 'max_level' },
              },
            },
            RegisterBroker: {
              oneofs: { _rack: { oneof: ['rack'] } },
              fields: {
                brokerId: { type: 'int32', id: 1, protoName: 'broker_id' },
                incarnationId: { type: 'string', id: 2, protoName: 'incarnation_id' },
                brokerEpoch: { type: 'int64', id: 3, protoName: 'broker_epoch' },
                endpoints: { rule: 'repeated', type: 'Endpoint', id: 4 },
                features: { rule: 'repeated', type: 'FeatureRange', id: 5 },
                rack: { type: 'string', id: 6, options: { proto3_optional: true } },
                logDirs: { rule: 'repeated', type: 'string', id: 7, protoName: 'log_dirs' },
                fenced: { type: 'bool', id: 8 },
                inControlledShutdown: { type: 'bool', id: 9, protoName: 'in_controlled_shutdown' },
                cause: { type: 'Cause', id: 10 },
              },
            },
            BrokerRegistrationChange: {
              oneofs: { _fenced: { oneof: ['fenced'] }, _inControlledShutdown: { oneof: ['inControlledShutdown'] } },
              fields: {
                brokerId: { type: 'int32', id: 1, protoName: 'broker_id' },
                brokerEpoch: { type: 'int64', id: 2, protoName: 'broker_epoch' },
                fenced: { type: 'bool', id: 3, options: { proto3_optional: true } },
                inControlledShutdown: {
                  type: 'bool',
                  id: 4,
                  protoName: 'in_controlled_shutdown',
                  options: { proto3_optional: true },
                },
                cause: { type: 'Cause', id: 5 },
              },
            },
            UnregisterBroker: {
              fields: {
                brokerId: { type: 'int32', id: 1, protoName: 'broker_id' },
                brokerEpoch: { type: 'int64', id: 2, protoName: 'broker_epoch' },
                cause: { type: 'Cause', id: 3 },
              },
            },
            Topic: {
              fields: { topicId: { type: 'string', id: 1, protoName: 'topic_id' }, name: { type: 'string', id: 2 } },
            },
            Partition: {
              fields: {
                topicId: { type: 'string', id: 1, protoName: 'topic_id' },
                partitionId: { type: 'int32', id: 2, protoName: 'partition_id' },
                replicas: { rule: 'repeated', type: 'int32', id: 3 },
                directories: { rule: 'repeated', type: 'string', id: 4 },
                isr: { rule: 'repeated', type: 'int32', id: 5 },
                removingReplicas: { rule: 'repeated', type: 'int32', id: 6, protoName: 'removing_replicas' },
                addingReplicas: { rule: 'repeated', type: 'int32', id: 7, protoName: 'adding_replicas' },
                eligibleLeaderReplicas: {
                  rule: 'repeated',
                  type: 'int32',
                  id: 8,
                  protoName: 'eligible_leader_replicas',
                },
                lastKnownElr: { rule: 'repeated', type: 'int32', id: 9, protoName: 'last_known_elr' },
                leader: { type: 'int32', id: 10 },
                leaderRecoveryState: { type: 'int32', id: 11, protoName: 'leader_recovery_state' },
                leaderEpoch: { type: 'int32', id: 12, protoName: 'leader_epoch' },
                partitionEpoch: { type: 'int32', id: 13, protoName: 'partition_epoch' },
                cause: { type: 'Cause', id: 14 },
              },
            },
            Int32List: { fields: { values: { rule: 'repeated', type: 'int32', id: 1 } } },
            StringList: { fields: { values: { rule: 'repeated', type: 'string', id: 1 } } },
            PartitionChange: {
              oneofs: { _leader: { oneof: ['leader'] }, _leaderRecoveryState: { oneof: ['leaderRecoveryState'] } },
              fields: {
                topicId: { type: 'string', id: 1, protoName: 'topic_id' },
                partitionId: { type: 'int32', id: 2, protoName: 'partition_id' },
                isr: { type: 'Int32List', id: 3 },
                leader: { type: 'int32', id: 4, options: { proto3_optional: true } },
                replicas: { type: 'Int32List', id: 5 },
                removingReplicas: { type: 'Int32List', id: 6, protoName: 'removing_replicas' },
                addingReplicas: { type: 'Int32List', id: 7, protoName: 'adding_replicas' },
                leaderRecoveryState: {
                  type: 'int32',
                  id: 8,
                  protoName: 'leader_recovery_state',
                  options: { proto3_optional: true },
                },
                eligibleLeaderReplicas: { type: 'Int32List', id: 9, protoName: 'eligible_leader_replicas' },
                lastKnownElr: { type: 'Int32List', id: 10, protoName: 'last_known_elr' },
                directories: { type: 'StringList', id: 11 },
                cause: { type: 'Cause', id: 12 },
              },
            },
            RemoveTopic: {
              fields: { topicId: { type: 'string', id: 1, protoName: 'topic_id' }, cause: { type: 'Cause', id: 2 } },
            },
            NoOp: { fields: {} },
            Config: {
              oneofs: { _value: { oneof: ['value'] } },
              fields: {
                resourceType: { type: 'int32', id: 1, protoName: 'resource_type' },
                resourceName: { type: 'string', id: 2, protoName: 'resource_name' },
                name: { type: 'string', id: 3 },
                value: { type: 'string', id: 4, options: { proto3_optional: true } },
              },
            },
            ProducerIds: {
              fields: {
                brokerId: { type: 'int32', id: 1, protoName: 'broker_id' },
                brokerEpoch: { type: 'int64', id: 2, protoName: 'broker_epoch' },
                nextProducerId: { type: 'int64', id: 3, protoName: 'next_producer_id' },
              },
            },
          },
        },
      },
    },
  },
}
