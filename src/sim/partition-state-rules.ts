/**
 * What must hold of partitions and brokers as the controller says, and from one state to the next: ISR, ELR and epochs as the published specifications of
 * Kafka's replication (KIP-966) have them.
 */
import { assert } from '../base/assert.js'
import type { BrokerImage } from '../metadata/image.js'
import type { PartitionState } from '../metadata/records.js'

export interface StateRules {
  /** Whether those who are eligible are kept apart from those in sync. */
  readonly keepsEligible: boolean
  /** The largest `min.insync.replicas` that the topic has had. */
  readonly largestMin: number
  /** So many at least are in sync, eligible or remembered; 0: nothing is known of it. */
  readonly remembered: number
}

/** ISR and ELR are well-formed, and a recovery quorum is remembered where both are empty. */
export function checkState(state: PartitionState, rules: StateRules, where: string): void {
  const { replicas, isr, eligibleLeaderReplicas: elr, lastKnownElr, leader } = state
  const text = (): string =>
    `${where}: in sync are [${isr}], eligible [${elr}], remembered [${lastKnownElr}], of ${replicas}`
  assert(isr.length > 0 || (rules.keepsEligible && leader < 0), () => `no replica in sync: ${text()}`)
  for (const some of [isr, elr, lastKnownElr]) {
    assert(new Set(some).size === some.length && some.every((id) => replicas.includes(id)), text)
  }
  assert(
    elr.every((id) => !isr.includes(id)) && lastKnownElr.every((id) => !isr.includes(id) && !elr.includes(id)),
    text,
  )
  assert(isr.length < rules.largestMin || elr.length === 0, text)
  assert(isr.length + elr.length + lastKnownElr.length >= rules.remembered, text)
  assert(leader < 0 || isr.includes(leader), () => `${leader} leads and is not in sync, ${text()}`)
}

/** Who leads can be used; who is fenced is in sync with nobody else. */
export function checkFenced(
  { isr, leader }: PartitionState,
  isFenced: (brokerId: number) => boolean,
  keepsEligible: boolean,
  where: string,
): void {
  const fenced = isr.filter(isFenced)
  assert(
    fenced.length === 0 || (isr.length === 1 && !keepsEligible),
    () => `${where}: in sync are ${isr}, and fenced ${fenced}`,
  )
  assert(leader < 0 || !isFenced(leader), () => `${where} is led by ${leader}, which is fenced or unknown`)
}

/** From one state of a partition to a later one: epochs rise with what they count, and never fall. */
export function checkSuccession(before: PartitionState, after: PartitionState, where: string): void {
  if (textOf(before) === textOf(after)) return
  assert(
    after.leaderEpoch >= before.leaderEpoch,
    () => `${where} goes back to leader epoch ${after.leaderEpoch} from ${before.leaderEpoch}`,
  )
  assert(
    after.leader === before.leader || after.leaderEpoch > before.leaderEpoch,
    () => `${where}: ${after.leader} leads after ${before.leader} in the same epoch ${after.leaderEpoch}`,
  )
  assert(
    after.partitionEpoch > before.partitionEpoch,
    () => `${where} has changed, and its epoch is ${after.partitionEpoch} after ${before.partitionEpoch}`,
  )
}

/** A broker's epoch is that of one registration: it never falls, and each has its own. */
export function checkBroker(before: BrokerImage, after: BrokerImage): void {
  const { brokerId, brokerEpoch, incarnationId } = after
  assert(
    brokerEpoch >= before.brokerEpoch,
    () => `broker ${brokerId} goes back to epoch ${brokerEpoch} from ${before.brokerEpoch}`,
  )
  assert(
    incarnationId === before.incarnationId || brokerEpoch > before.brokerEpoch,
    () => `broker ${brokerId} has two incarnations in epoch ${brokerEpoch}`,
  )
}

function textOf(state: PartitionState): string {
  const { replicas, directories, isr, removingReplicas, addingReplicas, eligibleLeaderReplicas, lastKnownElr } = state
  const { leader, leaderRecoveryState, leaderEpoch, partitionEpoch } = state
  const lists = [replicas, directories, isr, removingReplicas, addingReplicas, eligibleLeaderReplicas, lastKnownElr]
  return JSON.stringify([lists, leader, leaderRecoveryState, leaderEpoch, partitionEpoch])
}
