/**
 * Feature levels: what every node of the cluster understands. The level of `lograft.version` decides which records and which
 * requests between nodes may be used; it is the first record of the metadata log. A cluster stays at its level when its nodes get a newer release,
 * until somebody raises it (UpdateFeatures).
 */
import type { Decision } from '../base/decision.js'
import type { MetadataImage } from '../metadata/image.js'
import type { MetadataRecord } from '../metadata/records.js'
import { ELIGIBLE_LEADER_REPLICAS_VERSION, firstLevel, RECORDS_SINCE, type Release } from '../metadata/release.js'
import { ErrorCode } from '../protocol/errors.js'
import type { UpdateFeatures } from '../protocol/messages/update-features.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'
import { oneMinInsyncForAll } from './eligible-replicas.js'
import { Refusal, repeated } from './refusal.js'

type Request = Infer<typeof UpdateFeatures.request>
type Response = InferInput<typeof UpdateFeatures.response>
type Update = Request['featureUpdates'][number]

export const TOPIC_DELETION_SINCE = RECORDS_SINCE.removeTopic
export const UNREGISTRATION_SINCE = RECORDS_SINCE.unregisterBroker
export const NO_OP_SINCE = RECORDS_SINCE.noOp

/** Kafka's numbers for what an update may do besides raising a level. */
const UPGRADE_TYPES = ['unknown', 'upgrade', 'safe downgrade', 'unsafe downgrade'] as const
/** From this version of the request on one error refuses all of it. */
export const ALL_OR_NOTHING_SINCE = 2

/** The first records of a new cluster. */
export function firstRecords({ features }: Release): MetadataRecord[] {
  return features
    .map((range): MetadataRecord => ({ type: 'featureLevel', name: range.name, level: firstLevel(range) }))
    .filter((record) => record.type !== 'featureLevel' || record.level > 0)
}

/**
 * Raises levels, all that are asked for or none. Levels only rise: the records of the newer one stand in the metadata log, and a
 * release that only knows the older one could not read it. The error of the response is the first one; which versions tell it of
 * each feature, and which of the whole request, is the handler's matter.
 */
export function updateFeatures(context: DecisionContext, request: Request): Decision<MetadataRecord, Response> {
  const { image, release } = context
  const twice = repeated(request.featureUpdates.map(({ feature }) => feature))
  const results = request.featureUpdates.map((update) => {
    const refused = twice.has(update.feature)
      ? new Refusal('INVALID_REQUEST', `the request names ${update.feature} more than once`)
      : check(image, release, update)
    return {
      feature: update.feature,
      errorCode: refused === undefined ? ErrorCode.NONE : ErrorCode[refused.error],
      errorMessage: refused?.message ?? null,
    }
  })
  const failed = results.find(({ errorCode }) => errorCode !== ErrorCode.NONE)
  const raised = request.featureUpdates
    .filter(({ feature, maxVersionLevel }) => (image.features.get(feature) ?? 0) !== maxVersionLevel)
    .map(({ feature, maxVersionLevel }) => ({ type: 'featureLevel', name: feature, level: maxVersionLevel }) as const)
  const begins = raised.some(({ name }) => name === ELIGIBLE_LEADER_REPLICAS_VERSION)
  const records = [...raised, ...(begins ? oneMinInsyncForAll(context) : [])]
  const reply = {
    throttleTimeMs: 0,
    errorCode: failed?.errorCode ?? ErrorCode.NONE,
    errorMessage: failed?.errorMessage ?? null,
    results,
  }
  return { records: failed !== undefined || request.validateOnly ? [] : records, replies: [reply] }
}

function check({ features, brokers }: MetadataImage, release: Release, update: Update): Refusal | undefined {
  const { feature, maxVersionLevel: level } = update
  const refuse = (message: string): Refusal => new Refusal('INVALID_UPDATE_VERSION', message)
  const type = UPGRADE_TYPES[update.upgradeType]
  if (type === undefined || type === 'unknown') return refuse(`${update.upgradeType} is no type of upgrade`)
  const range = release.features.find(({ name }) => name === feature)
  if (range === undefined) return refuse(`there is no feature ${feature}`)
  const current = features.get(feature) ?? 0
  if (level < current) return refuse(`${feature} is at ${current}: a level cannot be taken back`)
  if (level < range.minLevel || level > range.maxLevel) {
    return refuse(`${feature} can be at ${range.minLevel} to ${range.maxLevel}, not at ${level}`)
  }
  if (level > current && type !== 'upgrade' && !update.allowDowngrade) {
    return refuse(`${feature} is at ${current}: to ${level} is an upgrade, not a ${type}`)
  }
  for (const { brokerId, features: known } of brokers.values()) {
    const their = known.find(({ name }) => name === feature)
    if (their === undefined || level < their.minLevel || level > their.maxLevel) {
      return refuse(`broker ${brokerId} does not know level ${level} of ${feature}: it needs a newer release`)
    }
  }
  return undefined
}
