/**
 * Founding: what a node that belongs to no cluster yet makes of the answers of those that its settings name. A function of one round of
 * questions; never two clusters of one list, whatever is slow, lost or started again:
 *
 * - Who hears of a cluster joins it: as one of its founding voters if it is one of them with this very directory, else as an observer.
 * - Only when everybody that is named has answered, itself included, belongs to nothing and names the same, a cluster begins; and only the one
 *   with the lowest id may write it down. A majority is not enough: who is missing may know of a cluster.
 * - A founding names the directories of the voters: a disk that was replaced is another server, and never votes for the old one.
 *
 * That the lowest id alone writes makes the round safe although its answers come one after the other: nobody else can have
 * founded anything meanwhile.
 */
import { type NamedController, namedController } from '../config/named-controllers.js'
import { isSameReplica, MAX_VOTERS, type ReplicaKey, type Voter } from './voter-set.js'

/** As many listeners as anybody has, and more. */
const MAX_ENDPOINTS = 100

export interface FoundingSelf extends ReplicaKey {
  /** `canonicalText` of what is named. */
  readonly named: string
  readonly isController: boolean
  /** It was given a cluster's id by hand. */
  readonly formattedFor: string | undefined
}

export interface FoundingAnswer extends Voter {
  readonly named: string
  /** Undefined: it belongs to none. */
  readonly clusterId: string | undefined
  readonly formattedFor: string | undefined
  /** Those that it knows of its cluster. */
  readonly foundingVoters: readonly Voter[]
}

/** Somebody who is named, and what came of asking. */
export interface Asked {
  readonly whom: NamedController
  readonly came: FoundingAnswer | { readonly failure: string }
}

export type FoundingDecision =
  /** Asks again; `complaint`: what is missing, for the operator. Undefined: another one is to act. */
  | { readonly is: 'wait'; readonly complaint: string | undefined }
  /** Belongs to that cluster; `voters`: those with which it was founded, if this node is one of them. */
  | { readonly is: 'join'; readonly clusterId: string; readonly voters: readonly Voter[] | undefined }
  /** Writes the founding; `clusterId`: what the directories were formatted for. */
  | { readonly is: 'found'; readonly clusterId: string | undefined; readonly voters: readonly Voter[] }
  /** Must not go on: a sentence for the operator. */
  | { readonly is: 'end'; readonly sentence: string }

interface Answered {
  readonly whom: NamedController
  readonly answer: FoundingAnswer
}

/** Whether an answer is one that a node of this kind gives. */
export function isPossible({ id, clusterId, formattedFor, endpoints, foundingVoters }: FoundingAnswer): boolean {
  const ids = new Set(foundingVoters.map((voter) => voter.id))
  if (id < 0 || ids.size < foundingVoters.length || ids.size > MAX_VOTERS || endpoints.length > MAX_ENDPOINTS)
    return false
  if (foundingVoters.some((voter) => voter.id < 0 || voter.endpoints.length > MAX_ENDPOINTS)) return false
  // They are written into a file of lines.
  return [clusterId, formattedFor].every((each) => each === undefined || /^[\x21-\x7e]{1,255}$/.test(each))
}

/** `round`: one entry for each that is named. */
export function decideFounding(self: FoundingSelf, round: readonly Asked[]): FoundingDecision {
  const answered = round.flatMap(({ whom, came }): Answered[] => ('failure' in came ? [] : [{ whom, answer: came }]))
  const twin = answered.find(({ answer }) => answer.id === self.id && !isSameReplica(answer, self))
  const members = answered.filter(({ answer }) => answer.clusterId !== undefined)
  if (twin !== undefined && (twin.answer.clusterId !== undefined || twin.whom.id === self.id)) {
    const sentence = `${namedController(twin.whom)} is node ${self.id}, too, with another directory (${twin.answer.directoryId}): two nodes cannot have one node.id`
    return { is: 'end', sentence }
  }
  if (members.length > 0) return joining(self, members)
  const complaint = whyNotFounding(self, round, answered)
  if (complaint !== undefined) return { is: 'wait', complaint }
  const voters = votersOf(answered)
  if (voters[0]!.id !== self.id) return { is: 'wait', complaint: undefined }
  const clusterId = answered.find(({ answer }) => answer.formattedFor !== undefined)?.answer.formattedFor
  return { is: 'found', clusterId, voters }
}

function joining(self: FoundingSelf, members: readonly Answered[]): FoundingDecision {
  const { whom, answer } = members[0]!
  const clusterId = answer.clusterId!
  const other = members.find((each) => each.answer.clusterId !== clusterId)
  if (other !== undefined) {
    const complaint = `${namedController(whom)} belongs to the cluster ${clusterId}, ${namedController(other.whom)} to ${other.answer.clusterId}: name the controllers of one cluster`
    return { is: 'wait', complaint }
  }
  if (self.formattedFor !== undefined && self.formattedFor !== clusterId) {
    const sentence = `the data directory was formatted for the cluster ${self.formattedFor}, and ${namedController(whom)} belongs to ${clusterId}: begin with an empty one`
    return { is: 'end', sentence }
  }
  const founding = members.find((each) => each.answer.foundingVoters.some((voter) => isSameReplica(voter, self)))
  return { is: 'join', clusterId, voters: founding?.answer.foundingVoters }
}

/** A sentence; undefined: nothing is in the way of a founding. */
function whyNotFounding(
  self: FoundingSelf,
  round: readonly Asked[],
  answered: readonly Answered[],
): string | undefined {
  const wrongId = answered.find(({ whom, answer }) => whom.id !== undefined && whom.id !== answer.id)
  if (wrongId !== undefined) return `${namedController(wrongId.whom)} answers as node ${wrongId.answer.id}`
  const differing = answered.find(({ answer }) => answer.named !== self.named)
  if (differing !== undefined) {
    return `${namedController(differing.whom)} names other controllers (${differing.answer.named}) than this node (${self.named}): they have to be the same everywhere`
  }
  for (const [index, { whom, answer }] of answered.entries()) {
    const twin = answered.slice(0, index).find((each) => each.answer.id === answer.id)
    if (twin === undefined || isSameReplica(twin.answer, answer)) continue
    return `${namedController(twin.whom)} and ${namedController(whom)} are two nodes with the id ${answer.id}`
  }
  const wishes = new Set(answered.flatMap(({ answer: { formattedFor } }) => formattedFor ?? []))
  if (wishes.size > 1) return `the data directories were formatted for several clusters: ${[...wishes].join(', ')}`
  const missing = round.flatMap(({ whom, came }) =>
    'failure' in came ? [`${namedController(whom)} (${came.failure})`] : [],
  )
  const ids = new Set(answered.map(({ answer }) => answer.id))
  if (ids.size > MAX_VOTERS)
    return `${ids.size} controllers are named, and a quorum has at most ${MAX_VOTERS} voters: name fewer`
  if (missing.length > 0) return `no answer yet from ${missing.join(', ')}: all have to be there when a cluster begins`
  if (!self.isController) return 'none of the controllers belongs to a cluster yet'
  if (!answered.some(({ answer }) => isSameReplica(answer, self))) {
    return `none of the controllers belongs to a cluster yet, and this node is not named: it is not reached under ${self.named}`
  }
  return undefined
}

/** Each server once, by id: a server may be named by two addresses. */
function votersOf(answered: readonly Answered[]): Voter[] {
  const byId = new Map<number, Voter>()
  for (const { answer } of answered) {
    const { id, directoryId, endpoints } = answer
    byId.set(id, { id, directoryId, endpoints })
  }
  return [...byId.values()].sort((a, b) => a.id - b.id)
}
