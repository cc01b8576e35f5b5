/**
 * What Kafka's broker can be told and this version does not act on (KafkaConfig of Kafka 4.3, and what 4.0 has dropped): so that a file of Kafka's is
 * told from a typing error. A key that comes into use moves from here to `nodeSettings`. Values that would leave a door open that the operator
 * believes to be shut are refused.
 */
import { ConfigError } from './setting.js'

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/))
}

/** What is left of groups; transactions, share groups, streams groups. */
const GROUPS_AND_TRANSACTIONS = words(`
  add.partitions.to.txn.retry.backoff.max.ms add.partitions.to.txn.retry.backoff.ms group.consumer.assignment.interval.ms
  group.consumer.max.assignment.interval.ms group.consumer.min.assignment.interval.ms group.coordinator.append.linger.ms
  group.coordinator.background.threads group.coordinator.cached.buffer.max.bytes group.coordinator.rebalance.protocols
  group.coordinator.threads group.share.assignment.interval.ms group.share.assignors group.share.delivery.count.limit
  group.share.heartbeat.interval.ms group.share.initialize.retry.interval.ms group.share.max.assignment.interval.ms
  group.share.max.delivery.count.limit group.share.max.heartbeat.interval.ms group.share.max.partition.max.record.locks
  group.share.max.record.lock.duration.ms group.share.max.session.timeout.ms group.share.max.share.sessions group.share.max.size
  group.share.min.assignment.interval.ms group.share.min.delivery.count.limit group.share.min.heartbeat.interval.ms
  group.share.min.partition.max.record.locks group.share.min.record.lock.duration.ms group.share.min.session.timeout.ms
  group.share.partition.max.record.locks group.share.persister.class.name group.share.record.lock.duration.ms group.share.session.timeout.ms
  group.streams.assignment.interval.ms group.streams.heartbeat.interval.ms group.streams.initial.rebalance.delay.ms
  group.streams.max.assignment.interval.ms group.streams.max.heartbeat.interval.ms group.streams.max.session.timeout.ms
  group.streams.max.size group.streams.max.standby.replicas group.streams.min.assignment.interval.ms group.streams.min.heartbeat.interval.ms
  group.streams.min.session.timeout.ms group.streams.num.standby.replicas group.streams.session.timeout.ms
  share.coordinator.append.linger.ms share.coordinator.cached.buffer.max.bytes share.coordinator.cold.partition.snapshot.interval.ms
  share.coordinator.load.buffer.size share.coordinator.snapshot.update.records.per.snapshot share.coordinator.state.topic.compression.codec
  share.coordinator.state.topic.min.isr share.coordinator.state.topic.num.partitions share.coordinator.state.topic.prune.interval.ms
  share.coordinator.state.topic.replication.factor share.coordinator.state.topic.segment.bytes share.coordinator.threads
  share.coordinator.write.timeout.ms share.fetch.purgatory.purge.interval.requests
  transaction.abort.timed.out.transaction.cleanup.interval.ms transaction.max.timeout.ms transaction.partition.verification.enable
  transaction.remove.expired.transaction.cleanup.interval.ms transaction.state.log.load.buffer.size transaction.state.log.min.isr
  transaction.state.log.num.partitions transaction.state.log.replication.factor transaction.state.log.segment.bytes
  transaction.two.phase.commit.enable transactional.id.expiration.ms
`)

/** Other nodes: replication, quorums of several, moving of leaders. */
const OTHER_NODES = words(`
  alter.log.dirs.replication.quota.window.num alter.log.dirs.replication.quota.window.size.seconds
  controller.performance.always.log.threshold.ms controller.performance.sample.period.ms
  controller.quorum.append.linger.ms controller.quota.window.num
  controller.quota.window.size.seconds controller.socket.timeout.ms early.start.listeners follower.fetch.last.tiered.offset.enable
  initial.broker.registration.timeout.ms inter.broker.listener.name
  metadata.log.segment.bytes metadata.log.segment.ms metadata.max.idle.interval.ms num.replica.alter.log.dirs.threads num.replica.fetchers
  replica.high.watermark.checkpoint.interval.ms replica.socket.receive.buffer.bytes
  replica.socket.timeout.ms request.timeout.ms server.max.startup.time.ms
  unclean.leader.election.interval.ms
`)

/** Tiered storage. */
const TIERED_STORAGE = words(`
  log.local.retention.bytes log.local.retention.ms remote.fetch.max.wait.ms remote.list.offsets.request.timeout.ms
  remote.log.index.file.cache.total.size.bytes remote.log.index.file.cache.ttl.ms remote.log.manager.copier.thread.pool.size
  remote.log.manager.copy.max.bytes.per.second remote.log.manager.copy.quota.window.num remote.log.manager.copy.quota.window.size.seconds
  remote.log.manager.expiration.thread.pool.size remote.log.manager.fetch.max.bytes.per.second remote.log.manager.fetch.quota.window.num
  remote.log.manager.fetch.quota.window.size.seconds remote.log.manager.follower.thread.pool.size remote.log.manager.task.interval.ms
  remote.log.manager.task.retry.backoff.max.ms remote.log.manager.task.retry.backoff.ms remote.log.manager.task.retry.jitter
  remote.log.manager.thread.pool.size remote.log.metadata.custom.metadata.max.bytes remote.log.metadata.manager.class.name
  remote.log.metadata.manager.class.path remote.log.metadata.manager.impl.prefix remote.log.metadata.manager.listener.name
  remote.log.reader.max.pending.tasks remote.log.reader.threads remote.log.storage.manager.class.name remote.log.storage.manager.class.path
  remote.log.storage.manager.impl.prefix remote.log.storage.system.enable
`)

/** Threads, buffers, metrics, and what else Kafka's broker is made of. */
const INSIDES = words(`
  background.threads client.quota.callback.class cordoned.log.dirs delete.records.purgatory.purge.interval.requests
  fetch.purgatory.purge.interval.requests internal.metadata.delete.delay.millis internal.metadata.log.segment.bytes
  internal.metadata.max.batch.size.in.bytes kafka.metrics.polling.interval.secs kafka.metrics.reporters log.dir.failure.timeout.ms
  log.flush.start.offset.checkpoint.interval.ms log.initial.task.delay.ms log.preallocate metric.reporters metrics.num.samples
  metrics.recording.level metrics.sample.window.ms num.io.threads num.network.threads num.recovery.threads.per.data.dir
  producer.purgatory.purge.interval.requests queued.max.requests quota.window.num quota.window.size.seconds
  socket.connection.setup.timeout.max.ms socket.connection.setup.timeout.ms socket.receive.buffer.bytes socket.send.buffer.bytes
  telemetry.max.bytes unstable.api.versions.enable unstable.feature.versions.enable
`)

/** Of earlier releases of Kafka, gone by 4.0. */
const EARLIER = words(`
  auto.include.jmx.reporter broker.id.generation.enable control.plane.listener.name controlled.shutdown.max.retries
  controlled.shutdown.retry.backoff.ms eligible.leader.replicas.enable group.coordinator.new.enable inter.broker.protocol.version
  log.message.downconversion.enable log.message.format.version log.message.timestamp.difference.max.ms
  offsets.commit.required.acks reserved.broker.max.id zookeeper.clientCnxnSocket zookeeper.connect zookeeper.connection.timeout.ms
  zookeeper.max.in.flight.requests zookeeper.metadata.migration.enable zookeeper.metadata.migration.min.batch.size
  zookeeper.session.timeout.ms zookeeper.set.acl
`)

/** They make TLS, SASL and authorization what they are, and do nothing without them: also in Kafka. */
const SECURITY = words(`
  allow.everyone.if.no.acl.found connection.failed.authentication.delay.ms connections.max.reauth.ms delegation.token.expiry.check.interval.ms
  delegation.token.expiry.time.ms delegation.token.max.lifetime.ms delegation.token.secret.key password.encoder.cipher.algorithm
  password.encoder.iterations password.encoder.key.length password.encoder.keyfactory.algorithm password.encoder.old.secret
  password.encoder.secret principal.builder.class sasl.client.callback.handler.class sasl.enabled.mechanisms sasl.jaas.config
  sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.principal.to.local.rules sasl.kerberos.service.name
  sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor sasl.login.callback.handler.class sasl.login.class
  sasl.login.connect.timeout.ms sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds sasl.login.refresh.min.period.seconds
  sasl.login.refresh.window.factor sasl.login.refresh.window.jitter sasl.login.retry.backoff.max.ms sasl.login.retry.backoff.ms
  sasl.mechanism.controller.protocol sasl.mechanism.inter.broker.protocol sasl.oauthbearer.assertion.algorithm
  sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds sasl.oauthbearer.assertion.claim.iss
  sasl.oauthbearer.assertion.claim.jti.include sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub
  sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.private.key.file sasl.oauthbearer.assertion.private.key.passphrase
  sasl.oauthbearer.assertion.template.file sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.client.credentials.client.secret
  sasl.oauthbearer.clock.skew.seconds sasl.oauthbearer.expected.audience sasl.oauthbearer.expected.issuer
  sasl.oauthbearer.jwks.endpoint.refresh.ms sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms
  sasl.oauthbearer.jwks.endpoint.retry.backoff.ms sasl.oauthbearer.jwks.endpoint.url sasl.oauthbearer.jwt.retriever.class
  sasl.oauthbearer.jwt.validator.class sasl.oauthbearer.scope sasl.oauthbearer.scope.claim.name sasl.oauthbearer.sub.claim.name
  sasl.oauthbearer.token.endpoint.url sasl.server.callback.handler.class sasl.server.max.receive.size security.providers ssl.allow.dn.changes
  ssl.allow.san.changes ssl.cipher.suites ssl.client.auth ssl.enabled.protocols ssl.endpoint.identification.algorithm ssl.engine.factory.class
  ssl.key.password ssl.keymanager.algorithm ssl.keystore.certificate.chain ssl.keystore.key ssl.keystore.location ssl.keystore.password
  ssl.keystore.type ssl.principal.mapping.rules ssl.protocol ssl.provider ssl.secure.random.implementation ssl.trustmanager.algorithm
  ssl.truststore.certificates ssl.truststore.location ssl.truststore.password ssl.truststore.type super.users zookeeper.ssl.cipher.suites
  zookeeper.ssl.client.enable zookeeper.ssl.crl.enable zookeeper.ssl.enabled.protocols zookeeper.ssl.endpoint.identification.algorithm
  zookeeper.ssl.keystore.location zookeeper.ssl.keystore.password zookeeper.ssl.keystore.type zookeeper.ssl.ocsp.enable zookeeper.ssl.protocol
  zookeeper.ssl.truststore.location zookeeper.ssl.truststore.password zookeeper.ssl.truststore.type
`)

const WITHOUT_EFFECT: ReadonlySet<string> = new Set(
  [GROUPS_AND_TRANSACTIONS, OTHER_NODES, TIERED_STORAGE, INSIDES, EARLIER].flatMap((names) => [...names]),
)

/** Values that do not ask for what is not there, and what any other one asks for. */
const REFUSED: Readonly<Record<string, { readonly harmless: string; readonly asks: string }>> = {
  'authorizer.class.name': {
    harmless: '',
    asks: 'wants clients to be authorized, and this version lets every client do everything: leave it out if that is meant',
  },
  'create.topic.policy.class.name': {
    harmless: '',
    asks: 'wants a policy for new topics, and this version has none but its own settings: leave it out',
  },
  'alter.config.policy.class.name': {
    harmless: '',
    asks: 'wants a policy for changed settings, and this version has none: leave it out',
  },
  'security.inter.broker.protocol': {
    harmless: 'PLAINTEXT',
    asks: 'wants what this version does not have, neither TLS nor SASL: it can serve PLAINTEXT only',
  },
  'config.providers': {
    harmless: '',
    asks: 'wants values to be looked up elsewhere, and this version takes them as they are written: write them out',
  },
}

/** All names, for who looks for the one that was meant. */
export const UNUSED_SETTINGS: readonly string[] = [...WITHOUT_EFFECT, ...SECURITY, ...Object.keys(REFUSED)]

/** Kafka's way to set something for one listener. */
const OF_LISTENER = /^listener\.name\.[^.]+\.(.+)$/

/**
 * `without effect`: Kafka's, and not acted on here. `security`: Kafka's too, for TLS, SASL and authorization. `as is`: its value says what is so here
 * anyway, or it was refused.
 */
export type UnusedKind = 'without effect' | 'security' | 'as is' | 'unknown'

/** What a key is that is not in `nodeSettings`. `isSetting`: whether it is one of those. */
export function kindOfUnused(key: string, isSetting: (key: string) => boolean): UnusedKind {
  if (Object.hasOwn(REFUSED, key)) return 'as is'
  const ofListener = OF_LISTENER.exec(key)?.[1]
  const name = ofListener ?? key
  // A mechanism of SASL may stand in between: `scram-sha-256.sasl.jaas.config`.
  const bare = ofListener === undefined ? name : name.replace(/^[^.]+\.(?=sasl\.)/, '')
  if (SECURITY.has(bare)) return 'security'
  if (WITHOUT_EFFECT.has(name)) return 'without effect'
  return ofListener !== undefined && isSetting(name) ? 'without effect' : 'unknown'
}

/** Throws `ConfigError` for a value that asks for protection which is not there. */
export function refuseUnprotected(given: ReadonlyMap<string, string>): void {
  for (const [key, { harmless, asks }] of Object.entries(REFUSED)) {
    const value = given.get(key)?.trim() ?? ''
    if (value !== '' && value !== harmless) throw new ConfigError(key, `${key}=${value} ${asks}`)
  }
}
