/**
 * The settings of a node: Kafka's `server.properties` keys as far as this version acts on them, and the few of lograft's own
 * (marked "lograft:"). What is not here is without effect (`unused-settings.ts`) or unknown, and a node says so when it starts.
 */

import { addressCounts } from './address-counts.js'
import { groupSettings } from './group-settings.js'
import { hostPort } from './host-port.js'
import { replicaSettings } from './replica-settings.js'
import { boolean, double, integer, list, long, oneOf, optional, someOf, string, type Values } from './setting.js'

export const nodeSettings = {
  'node.id': integer({
    default: '1',
    min: 0,
    importance: 'high',
    doc:
      'The id of this node, unique in the cluster. Not set where others are named, a controller has that of its address in ' +
      'controller.quorum.voters, or the place of its address in the sorted controller.quorum.bootstrap.servers.',
  }),
  'process.roles': someOf(['broker', 'controller'], {
    default: 'broker,controller',
    importance: 'high',
    doc: 'What this node does: hold partitions (broker), take part in the metadata quorum (controller), or both.',
  }),
  listeners: list({
    default: 'PLAINTEXT://:9092',
    importance: 'high',
    doc: 'Where to listen, as NAME://host:port with commas between; no host means every address, port 0 any free port.',
  }),
  'advertised.listeners': list({
    default: '',
    importance: 'high',
    doc: 'What clients are told to connect to, as NAME://host:port; without it, the address by which they came.',
  }),
  'listener.security.protocol.map': list({
    default: 'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    importance: 'low',
    doc: 'What a listener speaks, as NAME:PROTOCOL; only PLAINTEXT can be served so far, which is what names have that are not here.',
  }),
  'controller.listener.names': list({
    default: '',
    importance: 'high',
    doc: 'Which of the listeners serve the requests of controllers instead of those of clients.',
  }),
  'controller.quorum.voters': list({
    default: '',
    importance: 'high',
    doc: 'The voters that form the metadata quorum, as id@host:port with commas between, the same on every node. Nothing named: this node alone is the quorum.',
  }),
  'controller.quorum.bootstrap.servers': list({
    default: '',
    importance: 'high',
    doc: 'Addresses of controllers that form the quorum or know it, as host:port with commas between. Nothing named, or this node alone: it alone is the quorum.',
  }),
  'controller.quorum.auto.join.enable': boolean({
    default: 'true',
    importance: 'low',
    doc: 'Whether a controller that names others, and is no voter, becomes one when it has caught up. Kafka has false.',
  }),
  'controller.quorum.election.timeout.ms': integer({
    default: '1000',
    min: 1,
    importance: 'high',
    doc: 'How long a voter waits for a leader before it stands for election, and how long an election may take; up to twice as long, at random.',
  }),
  'controller.quorum.election.backoff.max.ms': integer({
    default: '1000',
    min: 1,
    importance: 'high',
    doc: 'The longest pause after an election that nobody won.',
  }),
  'controller.quorum.fetch.timeout.ms': integer({
    default: '2000',
    min: 1,
    importance: 'high',
    doc: 'A follower that hears nothing of the leader for so long stands for election; a leader that no majority asks for half as long again resigns.',
  }),
  'controller.quorum.request.timeout.ms': integer({
    default: '2000',
    min: 1,
    doc: 'How long members of the quorum wait for an answer of each other.',
  }),
  'controller.quorum.retry.backoff.ms': integer({
    default: '20',
    min: 0,
    doc: 'How long a member of the quorum that did not answer is left alone.',
  }),
  'controller.quorum.fetch.max.bytes': integer({
    default: '1048576',
    min: 1,
    doc: 'How much of the metadata log is sent at a time, but for a first batch that is larger.',
  }),
  'controller.quorum.fetch.snapshot.max.bytes': integer({
    default: '1048576',
    min: 1,
    doc: 'How much of a snapshot of the metadata is sent at a time.',
  }),
  'metadata.log.max.record.bytes.between.snapshots': long({
    default: '20971520',
    min: 1,
    importance: 'high',
    doc: 'A snapshot of the metadata is taken when its log has grown by so much since the last one.',
  }),
  'metadata.log.max.snapshot.interval.ms': long({
    default: '3600000',
    min: 0,
    importance: 'high',
    doc: 'A snapshot of the metadata is taken when there is something new and the last one is so old; 0: not for its age.',
  }),
  'metadata.max.retention.bytes': long({
    default: '104857600',
    min: -1,
    importance: 'high',
    doc: 'Above this size of metadata log and snapshots the oldest go, but for the latest snapshot and what is behind it; -1: no limit.',
  }),
  'metadata.max.retention.ms': long({
    default: '604800000',
    min: -1,
    importance: 'high',
    doc: 'Snapshots of the metadata, and the log in front of the next one, go when they are so old; -1: no limit.',
  }),
  'log.dirs': list({
    default: 'data',
    importance: 'high',
    doc: 'The directories that hold the data, with commas between; a new partition goes where there are fewest.',
  }),
  'metadata.log.dir': string({
    default: '',
    importance: 'high',
    doc: 'The directory that holds the metadata log; empty: the first of log.dirs.',
  }),
  'broker.heartbeat.interval.ms': integer({
    default: '2000',
    min: 1,
    importance: 'high',
    doc: 'Time between heartbeats to the controller.',
  }),
  'broker.session.timeout.ms': integer({
    default: '9000',
    min: 1,
    importance: 'high',
    doc: 'After this long without a heartbeat a broker is fenced.',
  }),
  'controlled.shutdown.enable': boolean({
    default: 'true',
    doc: 'Whether a broker that stops has its leaderships moved to others first, where there are others.',
  }),
  'num.partitions': integer({ default: '1', min: 1, doc: 'Partitions of a topic whose creator names no number.' }),
  'default.replication.factor': integer({
    default: '1',
    min: 1,
    max: 0x7fff,
    doc: 'Replicas of a topic whose creator names no number.',
  }),
  'auto.create.topics.enable': boolean({
    default: 'true',
    importance: 'high',
    doc: 'Whether a topic is created when a client that allows it asks for its metadata.',
  }),
  'auto.create.topics.max.partitions': integer({
    default: '10000',
    min: 0,
    doc: 'lograft: no topic is created for a client that only asks for its metadata if the cluster had more partitions than this then.',
  }),
  'cluster.max.partitions': integer({
    default: '20000',
    min: 1,
    doc: 'lograft: topics that would bring the cluster above so many partitions are refused with POLICY_VIOLATION.',
  }),
  'delete.topic.enable': boolean({ default: 'true', importance: 'high', doc: 'Whether topics can be deleted.' }),
  ...replicaSettings,
  ...groupSettings,
  'log.segment.bytes': integer({
    default: '1073741824',
    min: 1024 * 1024,
    importance: 'high',
    doc: 'Size at which a segment is closed.',
  }),
  'log.index.interval.bytes': integer({ default: '4096', min: 0, doc: 'Bytes of log between two index entries.' }),
  'log.index.size.max.bytes': integer({ default: '10485760', min: 4, doc: 'Size at which an index is full.' }),
  'log.roll.ms': optional(long({ min: 1, doc: 'Age at which a segment is closed; goes before log.roll.hours.' })),
  'log.roll.hours': integer({ default: '168', min: 1, doc: 'Age at which a segment is closed, in hours.' }),
  'log.roll.jitter.ms': optional(
    long({ min: 0, doc: 'By how much less it may be, at random; goes before log.roll.jitter.hours.' }),
  ),
  'log.roll.jitter.hours': integer({
    default: '0',
    min: 0,
    doc: 'By how much less than log.roll.hours it may be, at random.',
  }),
  'log.cleanup.policy': someOf(['delete', 'compact'], {
    default: 'delete',
    doc: 'What happens to old segments: they are removed (delete), or only the last record of each key is kept (compact).',
  }),
  'log.cleaner.enable': boolean({
    default: 'true',
    doc: 'Whether the logs of compacted topics are cleaned.',
  }),
  'log.cleaner.threads': integer({
    default: '1',
    min: 0,
    dynamic: 'cluster-wide',
    doc: 'Taken as Kafka has it: one log is cleaned at a time; 0: none.',
  }),
  'log.cleaner.dedupe.buffer.size': long({
    default: '134217728',
    min: 1024,
    dynamic: 'cluster-wide',
    doc: 'Memory for the keys of the log that is being cleaned: 24 bytes each, and some room.',
  }),
  'log.cleaner.io.buffer.size': integer({
    default: '524288',
    min: 0,
    dynamic: 'cluster-wide',
    doc: 'Memory for what the cleaner reads and writes at a time, a half for each.',
  }),
  'log.cleaner.io.buffer.load.factor': double({
    default: '0.9',
    min: 0.01,
    max: 1,
    dynamic: 'cluster-wide',
    doc: 'How full log.cleaner.dedupe.buffer.size may become: more keys at a time, and more of them in the way of others.',
  }),
  'log.cleaner.io.max.bytes.per.second': double({
    default: '1.7976931348623157E308',
    min: 1,
    max: Number.MAX_VALUE,
    dynamic: 'cluster-wide',
    doc: 'The most that the cleaner reads and writes in a second.',
  }),
  'log.cleaner.backoff.ms': long({
    default: '15000',
    min: 0,
    dynamic: 'cluster-wide',
    doc: 'How long the cleaner rests when no log is dirty enough.',
  }),
  'log.cleaner.min.cleanable.ratio': double({
    default: '0.5',
    min: 0,
    max: 1,
    doc: 'A log is cleaned when more than this part of it was not cleaned yet.',
  }),
  'log.cleaner.delete.retention.ms': long({
    default: '86400000',
    min: 0,
    doc: 'How long a record without a value, which deletes its key, stays in a compacted log for those who read it later.',
  }),
  'log.cleaner.min.compaction.lag.ms': long({
    default: '0',
    min: 0,
    doc: 'How long a record stays in a compacted log as it is, at the least.',
  }),
  'log.cleaner.max.compaction.lag.ms': long({
    default: '9223372036854775807',
    min: 1,
    doc: 'How long a record may stay in a compacted log without being looked at by the cleaner.',
  }),
  'log.retention.ms': optional(
    long({ min: -1, doc: 'How long segments are kept, -1 for ever; goes before log.retention.minutes.' }),
  ),
  'log.retention.minutes': optional(
    integer({ min: -1, doc: 'How long segments are kept, in minutes; goes before log.retention.hours.' }),
  ),
  'log.retention.hours': integer({ default: '168', min: -1, doc: 'How long segments are kept, in hours.' }),
  'log.retention.bytes': long({
    default: '-1',
    min: -1,
    doc: 'Size of a partition above which its oldest segments are removed; -1: no limit.',
  }),
  'log.retention.check.interval.ms': long({
    default: '300000',
    min: 1,
    doc: 'How often segments are looked for that need not be kept.',
  }),
  'log.segment.delete.delay.ms': long({
    default: '60000',
    min: 0,
    doc: 'How long the files of a segment stay after it was removed from its log, and those of a topic after it was deleted.',
  }),
  'log.flush.interval.messages': long({
    default: '9223372036854775807',
    min: 1,
    doc: 'From so many records on that are not flushed, a produce is acknowledged only when they are.',
  }),
  'log.flush.interval.ms': optional(
    long({
      min: 0,
      doc: 'How old what is not flushed may get; not set: log.flush.scheduler.interval.ms.',
    }),
  ),
  'log.flush.scheduler.interval.ms': long({
    default: '9223372036854775807',
    min: 1,
    doc: 'How often logs are looked for that have to be flushed because of log.flush.interval.ms.',
  }),
  'log.message.timestamp.type': oneOf(['CreateTime', 'LogAppendTime'], {
    default: 'CreateTime',
    doc: 'Whose time a record has: that of its producer, or that of the broker when it was appended.',
  }),
  'log.message.timestamp.before.max.ms': long({
    default: '9223372036854775807',
    min: 0,
    doc: 'By how much the time of a record may lie before that of the broker.',
  }),
  'log.message.timestamp.after.max.ms': long({
    default: '3600000',
    min: 0,
    doc: 'By how much the time of a record may lie after that of the broker.',
  }),
  'message.max.bytes': integer({
    default: '1048588',
    min: 0,
    importance: 'high',
    doc: 'The largest record batch that is taken.',
  }),
  'compression.type': oneOf(['uncompressed', 'producer', 'gzip', 'snappy', 'lz4', 'zstd'], {
    default: 'producer',
    doc: 'How batches are compressed in the log: with one codec, not at all, or as the producer did it. What has the codec is not compressed again.',
  }),
  'compression.gzip.level': integer({
    default: '-1',
    min: 1,
    max: 9,
    or: -1,
    doc: "How thorough gzip is where compression.type makes the broker compress; -1: as gzip's default, 6.",
  }),
  'compression.lz4.level': integer({
    default: '9',
    min: 1,
    max: 17,
    doc: 'The same for lz4: 9 is its fast compressor, any other its thorough one, and above 12 is as 12. Without the package lz4 there is the fast one only.',
  }),
  'compression.zstd.level': integer({
    default: '3',
    min: -131072,
    max: 22,
    doc: 'The same for zstd; below 0 it is faster and compresses less.',
  }),
  'log.flush.policy': oneOf(['commit', 'os'], {
    default: 'commit',
    doc:
      'lograft: commit counts a replica only for what it has flushed to disk, so that what acks=all acknowledged and what ' +
      'consumers see survives a power loss; os leaves flushing to the operating system.',
  }),
  'log.open.files.max': integer({
    default: '500',
    min: 1,
    doc: 'lograft: files of logs that are open at once; others wait. By default half of what a process may usually have open.',
  }),
  'log.scrub.bytes.per.second': integer({
    default: '1048576',
    min: 0,
    doc: 'lograft: how much of closed segments is read and checked in a second, at most once an hour; what has rotted is fetched again from another replica. 0: none.',
  }),
  'replica.digest.interval.ms': integer({
    default: '600000',
    min: 0,
    doc: 'lograft: how often a leader has all replicas of a partition compared in what is committed; where they differ it is an alarm, and those that differ from the majority are fetched again. Compacted topics are not compared. 0: never.',
  }),
  'replica.digest.bytes.per.second': integer({
    default: '1048576',
    min: 1024,
    doc: 'lograft: how much a leader reads in a second to compare replicas; each of the others reads as much.',
  }),
  'log.flush.offset.checkpoint.interval.ms': integer({
    default: '60000',
    min: 0,
    importance: 'high',
    doc: 'How often the recovery points are written down.',
  }),
  'log.dir.reserved.bytes': long({
    default: '67108864',
    min: 0,
    doc: 'lograft: when less than this is free, appends are refused, so that metadata can still be written.',
  }),
  'producer.id.expiration.ms': integer({
    default: '86400000',
    min: 1,
    dynamic: 'cluster-wide',
    importance: 'low',
    doc: 'After this long without a batch a producer is forgotten by a partition.',
  }),
  'producer.id.expiration.check.interval.ms': integer({
    default: '600000',
    min: 1,
    importance: 'low',
    doc: 'How often forgotten producers are looked for.',
  }),
  'socket.request.max.bytes': integer({ default: '104857600', min: 1, doc: 'The largest request that is taken.' }),
  'queued.max.request.bytes': long({
    default: '134217728',
    min: -1,
    doc: 'Bytes of requests of all connections; beyond it large ones are not read for a while. -1: no limit (the default of Kafka).',
  }),
  'max.connections': integer({
    default: '2147483647',
    min: 1,
    dynamic: 'cluster-wide',
    doc: 'Connections that are open at once; further ones are closed.',
  }),
  'max.connections.per.ip': integer({
    default: '2147483647',
    min: 0,
    dynamic: 'cluster-wide',
    doc: 'Connections from one address that are open at once; further ones are closed.',
  }),
  'max.connections.per.ip.overrides': addressCounts({
    default: '',
    dynamic: 'cluster-wide',
    doc: 'Addresses with limits of their own instead of max.connections.per.ip, as 10.0.0.1:100,::1:20.',
  }),
  'max.connection.creation.rate': integer({
    default: '2147483647',
    min: 1,
    dynamic: 'cluster-wide',
    doc: 'New connections a second; what comes faster is read later.',
  }),
  'connections.max.idle.ms': long({
    default: '600000',
    min: -1,
    doc: 'After this long without traffic a connection is closed; -1: never.',
  }),
  'socket.listen.backlog.size': integer({
    default: '511',
    min: 1,
    doc: 'Connections that the operating system lets wait to be accepted; Kafka has 50.',
  }),
  'metrics.listener': hostPort({
    default: '',
    doc: 'lograft: where /metrics (for Prometheus) and /healthz are answered over HTTP, as 127.0.0.1:9644; :9644 is every address. Empty: nowhere.',
  }),
  'max.incremental.fetch.session.cache.slots': integer({
    default: '1000',
    min: 0,
    doc: 'How many fetch sessions there are at most.',
  }),
  'fetch.max.bytes': integer({ default: '57671680', min: 1024, doc: 'The most that one fetch answers.' }),
  'max.request.partition.size.limit': integer({
    default: '2000',
    min: 1,
    doc: 'The most partitions that one answer to DescribeTopicPartitions holds.',
  }),
  'broker.rack': string({ default: '', doc: 'Where this broker stands, for placement over racks.' }),
  'log.level': oneOf(['debug', 'info', 'warn', 'error'], { default: 'warn', doc: 'lograft: how much is logged.' }),
} as const

export type NodeSettings = Values<typeof nodeSettings>
