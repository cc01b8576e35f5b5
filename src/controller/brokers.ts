/**
 * Brokers: who is registered, in which incarnation, and whether it may be used.
 *
 *   unknown    fenced              it registers; its epoch is the offset of the record
 *   fenced     usable              it has caught up with its own registration and asks for it
 *   usable     fenced              it asks for it, nothing was heard of it for its session timeout, or its connection ended and it is not back
 *   usable     in shutdown         it is about to stop: it loses its leaderships, batch by batch, and is told to go on when it has none; then it is fenced
 *   any        the same, new epoch  the same incarnation registers with other directories: some cannot be used any more
 *   any        fenced, new epoch   another incarnation registers: while the old one counts as alive only from the same disk,
 *                                  which one process at a time can hold
 */
import type { Decision } from '../base/decision.js'
import type { BrokerImage } from '../metadata/image.js'
import type { Cause, MetadataRecord } from '../metadata/records.js'
import { LOGRAFT_VERSION } from '../metadata/release.js'
import { ErrorCode, type ErrorName } from '../protocol/errors.js'
import type { BrokerHeartbeat } from '../protocol/messages/broker-heartbeat.js'
import type { BrokerRegistration } from '../protocol/messages/broker-registration.js'
import type { UnregisterBroker } from '../protocol/messages/unregister-broker.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'
import type { ClusterView } from './election-rules.js'
import { UNREGISTRATION_SINCE } from './features.js'
import { whenBrokerIsUsable, whenBrokerLeaves, whenBrokerStarts, whenDirectoriesAreLost } from './leader-election.js'

type Registration = Infer<typeof BrokerRegistration.request>
type RegistrationReply = InferInput<typeof BrokerRegistration.response>
type Heartbeat = Infer<typeof BrokerHeartbeat.request>
type UnregistrationReply = InferInput<typeof UnregisterBroker.response>
type HeartbeatReply = InferInput<typeof BrokerHeartbeat.response>

/** Partitions that a broker which stops gives away with one heartbeat: it asks again at once, and others are decided upon meanwhile. */
export const MAX_GIVEN_AWAY_AT_ONCE = 1000

/** By Kafka's number. */
const SECURITY_PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

export function registerBroker(
  context: DecisionContext,
  request: Registration,
): Decision<MetadataRecord, RegistrationReply> {
  const { image, nextOffset } = context
  const { brokerId, incarnationId } = request
  const known = image.brokers.get(brokerId)
  const isSame = known?.incarnationId === incarnationId
  if (isSame && hasAll(known.logDirs, request.logDirs)) {
    return answer({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, brokerEpoch: known.brokerEpoch })
  }
  const error = isSame ? undefined : refusal(context, request, known)
  if (error !== undefined) return answer({ throttleTimeMs: 0, errorCode: ErrorCode[error] })

  // KAFKA-15586: who stopped cleanly knows under which epoch.
  const isClean = known !== undefined && request.previousBrokerEpoch === known.brokerEpoch
  const cause: Cause =
    known?.fenced === false
      ? {
          reason: 'BROKER_RESTARTED',
          evidence: { incarnation: incarnationId, previousIncarnation: known.incarnationId },
        }
      : { reason: 'BROKER_REGISTERED', evidence: { incarnation: incarnationId } }
  const records: MetadataRecord[] = [
    {
      type: 'registerBroker',
      brokerId,
      incarnationId,
      brokerEpoch: nextOffset,
      endpoints: request.listeners.map(({ name, host, port, securityProtocol }) => ({
        name,
        host,
        port,
        securityProtocol: SECURITY_PROTOCOLS[securityProtocol] ?? 'PLAINTEXT',
      })),
      features: request.features.map(({ name, minSupportedVersion, maxSupportedVersion }) => ({
        name,
        minLevel: minSupportedVersion,
        maxLevel: maxSupportedVersion,
      })),
      ...(request.rack === null ? {} : { rack: request.rack }),
      logDirs: request.logDirs,
      // Who has lost a directory goes on with the others.
      fenced: isSame ? known.fenced : true,
      inControlledShutdown: false,
      cause,
    },
    ...(isSame
      ? whenDirectoriesAreLost(context, known, request.logDirs, cause)
      : whenBrokerStarts(context, { brokerId, logDirs: request.logDirs, before: known, isClean }, cause)),
  ]
  return { records, replies: [{ throttleTimeMs: 0, errorCode: ErrorCode.NONE, brokerEpoch: nextOffset }] }
}

function hasAll(registered: readonly string[], wanted: readonly string[]): boolean {
  return registered.length === wanted.length && wanted.every((directory) => registered.includes(directory))
}

function refusal(
  { image, clusterId, isAlive }: DecisionContext,
  request: Registration,
  known: BrokerImage | undefined,
): ErrorName | undefined {
  if (request.clusterId !== clusterId) return 'INCONSISTENT_CLUSTER_ID'
  if (request.logDirs.length === 0) return 'INVALID_REGISTRATION'
  for (const other of image.brokers.values()) {
    if (other.brokerId !== request.brokerId && other.logDirs.some((directory) => request.logDirs.includes(directory))) {
      return 'INVALID_REGISTRATION'
    }
  }
  for (const [name, level] of image.features) {
    const range = request.features.find((feature) => feature.name === name)
    if (range === undefined || level < range.minSupportedVersion || level > range.maxSupportedVersion) {
      return 'UNSUPPORTED_VERSION'
    }
  }
  const sameDisk = known?.logDirs.some((directory) => request.logDirs.includes(directory)) ?? false
  const lives = known !== undefined && (!known.fenced || isAlive(known.brokerId))
  return lives && !sameDisk ? 'DUPLICATE_BROKER_REGISTRATION' : undefined
}

export function brokerHeartbeat(
  context: DecisionContext,
  request: Heartbeat,
): Decision<MetadataRecord, HeartbeatReply> {
  const { image } = context
  const { brokerId, brokerEpoch, currentMetadataOffset } = request
  const broker = image.brokers.get(brokerId)
  if (broker === undefined) return refuse('BROKER_ID_NOT_REGISTERED')
  if (broker.brokerEpoch !== brokerEpoch) return refuse('STALE_BROKER_EPOCH')
  const evidence = { metadataOffset: String(currentMetadataOffset) }
  if (request.wantShutDown) return shutDown(context, broker, { reason: 'BROKER_SHUTS_DOWN', evidence })
  const isCaughtUp = currentMetadataOffset >= brokerEpoch
  const fenced = request.wantFence || (broker.fenced && !isCaughtUp)
  let records: MetadataRecord[] = []
  if (fenced && !broker.fenced) records = fenceBroker(context, broker, { reason: 'BROKER_ASKED', evidence })
  else if (!fenced && broker.fenced) {
    const cause: Cause = { reason: 'BROKER_CAUGHT_UP', evidence }
    records = [
      { type: 'brokerRegistrationChange', brokerId, brokerEpoch, fenced: false, cause },
      ...whenBrokerIsUsable(context, brokerId, cause),
    ]
  }
  const reply: HeartbeatReply = {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    isCaughtUp,
    isFenced: fenced,
    shouldShutDown: false,
  }
  return { records, replies: [reply] }
}

/**
 * A broker wants to stop: first it gives away what it leads, and its places among those in sync, some with each heartbeat. When it has none and asks
 * again, it is let go.
 */
function shutDown(
  context: DecisionContext,
  broker: BrokerImage,
  cause: Cause,
): Decision<MetadataRecord, HeartbeatReply> {
  const { brokerId, brokerEpoch, fenced, inControlledShutdown } = broker
  const given = fenced ? [] : whenBrokerLeaves(context, brokerId, cause, MAX_GIVEN_AWAY_AT_ONCE)
  const leaves = fenced || (inControlledShutdown && given.length === 0)
  let records: MetadataRecord[] = []
  if (!inControlledShutdown && !fenced) {
    records = [{ type: 'brokerRegistrationChange', brokerId, brokerEpoch, inControlledShutdown: true, cause }, ...given]
  } else if (!leaves) records = given
  else if (!fenced) records = fenceBroker(context, broker, cause)
  const reply = {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    isCaughtUp: true,
    isFenced: leaves,
    shouldShutDown: leaves,
  }
  return { records, replies: [reply] }
}

/**
 * Forgets a broker that is not to come back (KIP-631). One that is in use has to be stopped first: Kafka takes it from under its clients, and has it
 * ask in vain from then on.
 */
export function unregisterBroker(
  context: DecisionContext,
  { brokerId }: Infer<typeof UnregisterBroker.request>,
  principal: string,
): Decision<MetadataRecord, UnregistrationReply> {
  const refusal = (error: ErrorName, errorMessage: string): Decision<MetadataRecord, UnregistrationReply> =>
    answer({ throttleTimeMs: 0, errorCode: ErrorCode[error], errorMessage })
  const { image } = context
  const broker = image.brokers.get(brokerId)
  if (broker === undefined) return refusal('BROKER_ID_NOT_REGISTERED', `no broker ${brokerId} is registered`)
  const level = image.features.get(LOGRAFT_VERSION) ?? 0
  if (level < UNREGISTRATION_SINCE) {
    const sentence = `brokers can be unregistered from level ${UNREGISTRATION_SINCE} of ${LOGRAFT_VERSION} on, and the cluster is at ${level}`
    return refusal('UNSUPPORTED_VERSION', sentence)
  }
  if (!broker.fenced) return refusal('INVALID_REQUEST', `broker ${brokerId} is in use: stop it first`)
  const cause: Cause = { reason: 'BROKER_UNREGISTERED', evidence: { principal } }
  const records: MetadataRecord[] = [
    ...whenBrokerLeaves(context, brokerId, cause),
    { type: 'unregisterBroker', brokerId, brokerEpoch: broker.brokerEpoch, cause },
  ]
  return { records, replies: [{ throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null }] }
}

/** The records by which a broker is taken out of use. */
export function fenceBroker(view: ClusterView, broker: BrokerImage, cause: Cause): MetadataRecord[] {
  const { brokerId, brokerEpoch } = broker
  return [
    { type: 'brokerRegistrationChange', brokerId, brokerEpoch, fenced: true, cause },
    ...whenBrokerLeaves(view, brokerId, cause),
  ]
}

function refuse(error: ErrorName): Decision<MetadataRecord, HeartbeatReply> {
  return answer({
    throttleTimeMs: 0,
    errorCode: ErrorCode[error],
    isCaughtUp: false,
    isFenced: true,
    shouldShutDown: false,
  })
}

function answer<Reply>(reply: Reply): Decision<MetadataRecord, Reply> {
  return { records: [], replies: [reply] }
}
