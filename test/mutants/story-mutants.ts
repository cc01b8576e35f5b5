/** The guards of the stories of replication, each deleted: the story of that name is red then. */
import type { Replacement } from './source-copy.js'

export interface StoryMutant extends Replacement {
  readonly name: string
  readonly about: string
  /** Of `test/sim`, without its ending. */
  readonly stories: string
  /** How the name of the story begins. */
  readonly story: string
}

const LOGS = 'replication-stories'
const ISR = 'isr-stories'
const LOSS = 'loss-stories'
const LEADER = 'src/replication/partition-leader.ts'
const FOLLOWER = 'src/replication/partition-follower.ts'
const PARTITION = 'src/broker/partition.ts'
const CONTROLLER = 'src/controller/isr-changes.ts'
const ELIGIBLE = 'src/controller/eligible-replicas.ts'

export const STORY_MUTANTS: readonly StoryMutant[] = [
  {
    name: 'cut-to-own-high-watermark',
    about: 'who becomes a follower throws away what it does not know to be committed (KIP-101)',
    file: 'src/broker/following.ts',
    from: '    this.#events = events\n    this.dropEmptyEpochs()\n',
    to: "    this.#events = events\n    this.dropEmptyEpochs()\n    if (core.highWatermark < log.nextOffset) this.#cut({ action: 'truncate', endOffset: core.highWatermark })\n",
    ...{ stories: LOGS, story: 'R01' },
  },
  {
    name: 'cut-where-the-leader-says',
    about: "a follower cuts where the leader's epoch ends, not where its own does (KIP-279)",
    file: FOLLOWER,
    from: 'Math.min(endOffset, own?.endOffset ?? log.nextOffset)',
    to: 'Math.min(endOffset, own === undefined ? log.nextOffset : log.nextOffset)',
    ...{ stories: LOGS, story: 'R03: after' },
  },
  {
    name: 'asks-by-no-epoch',
    about: 'a follower does not say which epoch its last record is of',
    file: FOLLOWER,
    from: 'lastFetchedEpoch: epochs.latestEpoch ?? -1,',
    to: 'lastFetchedEpoch: epochs.size < 0 ? 0 : -1,',
    ...{ stories: LOGS, story: 'R03: logs' },
  },
  {
    name: 'joins-below-epoch-start',
    about: 'a replica joins when it has come to the high watermark as a new leader knows it (KAFKA-7128)',
    file: LEADER,
    from: 'position >= this.#highWatermark && position >= this.epochStartOffset',
    to: 'position >= this.#highWatermark',
    ...{ stories: LOGS, story: 'R04' },
  },
  {
    name: 'follows-before-it-cuts',
    about: 'a follower takes the high watermark that comes with the news that its log parts (KAFKA-14704)',
    file: FOLLOWER,
    from: "    if (divergingEpoch !== undefined) return this.#part(divergingEpoch, log)\n    this.#leaderHighWatermark = highWatermark\n    this.#follow(log)\n    return { action: 'append' }",
    to: "    this.#leaderHighWatermark = highWatermark\n    const before = this.#part(divergingEpoch ?? { epoch: 0, endOffset: log.nextOffset }, log)\n    this.#follow(log)\n    return divergingEpoch === undefined ? { action: 'append' } : before",
    ...{ stories: LOGS, story: 'R15' },
  },
  {
    name: 'stays-out-of-range',
    about: "a follower that has fallen out of its leader's log asks again and again for what is deleted",
    file: FOLLOWER,
    from: "    if (error === 'out of range' && logStartOffset > fetch.fetchOffset) return this.#restart(logStartOffset)\n",
    to: '',
    ...{ stories: LOGS, story: 'R16' },
  },
  {
    name: 'epoch-without-a-start',
    about: 'a leader says where its epoch starts only when it writes something (KAFKA-7415)',
    file: PARTITION,
    from: '    log.state.epochs.assign(leaderEpoch, log.nextOffset)\n',
    to: '',
    ...{ stories: LOGS, story: 'R17' },
  },
  {
    name: 'any-leader-epoch-will-do',
    about: 'a leader takes fetches of an epoch before (KIP-320)',
    file: PARTITION,
    from: "    if (leaderEpoch !== -1 && leaderEpoch < this.#leaderEpoch) return 'FENCED_LEADER_EPOCH'\n",
    to: '',
    ...{ stories: LOGS, story: 'R10' },
  },
  {
    name: 'proposed-do-not-count',
    about: 'who is proposed to be in sync counts when the controller has answered (KIP-966)',
    file: LEADER,
    from: 'this.#isr.includes(id) || this.#isProposed(id) || this.#isClose(id)',
    to: 'this.#isr.includes(id) || this.#isClose(id)',
    ...{ stories: ISR, story: 'R06' },
  },
  {
    name: 'commits-with-too-few',
    about: 'a leader commits with fewer in sync than min.insync.replicas (KIP-966)',
    file: LEADER,
    from: '    if (!this.hasEnoughInSync) return false\n',
    to: '',
    ...{ stories: ISR, story: 'R07' },
  },
  {
    name: 'any-incarnation-joins',
    about: 'the controller takes in a replica in whatever incarnation it is (KIP-903)',
    file: CONTROLLER,
    from: '  return brokerEpoch === ANY_EPOCH || image.brokers.get(brokerId)?.brokerEpoch === brokerEpoch\n',
    to: '  return brokerEpoch >= ANY_EPOCH\n',
    ...{ stories: ISR, story: 'R08' },
  },
  {
    name: 'any-incarnation-proposes',
    about: 'the controller listens to whatever incarnation of a leader there was (KIP-380)',
    file: CONTROLLER,
    from: 'if (image.brokers.get(brokerId)?.brokerEpoch !== brokerEpoch) {',
    to: 'if (image.brokers.get(brokerId) === undefined && brokerEpoch > 0) {',
    ...{ stories: ISR, story: 'R09' },
  },
  {
    name: 'controller-believes-in-itself',
    about: 'a controller that knows less than the leader decides all the same (KAFKA-14154)',
    file: CONTROLLER,
    from: "  if (leaderEpoch > partition.leaderEpoch || partitionEpoch > partition.partitionEpoch) return 'NOT_CONTROLLER'\n",
    to: '',
    ...{ stories: ISR, story: 'R19' },
  },
  {
    name: 'waits-for-who-stops',
    about: 'a replica that cannot be in sync holds up the high watermark while it has caught up (KAFKA-15021)',
    file: LEADER,
    from: 'return isUsable && position >= this.epochStartOffset',
    to: 'return (isUsable || position >= 0) && position >= this.epochStartOffset',
    ...{ stories: ISR, story: 'R20' },
  },
  {
    name: 'begins-anew-with-each-change',
    about: 'a role begins anew whenever the metadata says something of the partition (KAFKA-13790)',
    file: PARTITION,
    from: 'if (state.leaderEpoch !== this.#leaderEpoch) this.#begin(state)',
    to: 'if (state.leaderEpoch !== this.#leaderEpoch || state.partitionEpoch > 0) this.#begin(state)',
    ...{ stories: ISR, story: 'R21' },
  },
  {
    name: 'appends-again',
    about: 'a batch that stands in the log already is appended again',
    file: PARTITION,
    from: "if (verdict.kind === 'duplicate') {",
    to: "if (verdict.kind === 'duplicate' && acks === 1) {",
    ...{ stories: ISR, story: 'R22' },
  },
  {
    name: 'tells-of-an-old-high-watermark',
    about: 'a new leader tells what it knows to be committed, which may be less than was told before (KIP-207)',
    file: LEADER,
    from: 'return this.#highWatermark >= this.epochStartOffset',
    to: 'return this.#highWatermark >= 0',
    ...{ stories: ISR, story: 'R23' },
  },
  {
    name: 'any-isr-will-do',
    about: 'the controller takes whatever ISR a leader proposes (KAFKA-9672)',
    file: CONTROLLER,
    from: '  if (!isWellFormed(partition, members) || !isLegalRecovery',
    to: '  if ((!isWellFormed(partition, members) && members.length > 9) || !isLegalRecovery',
    ...{ stories: ISR, story: 'R27' },
  },
  {
    name: 'asks-by-offset-alone',
    about: 'a follower does not say which epoch its last record is of, and comes back after a loss of power of all',
    file: FOLLOWER,
    from: 'lastFetchedEpoch: epochs.latestEpoch ?? -1,',
    to: 'lastFetchedEpoch: epochs.size < 0 ? 0 : -1,',
    ...{ stories: LOSS, story: 'R02' },
  },
  {
    name: 'readers-are-not-told-where-logs-part',
    about: 'who says which epoch it has read last is not told that the log has another one there (KIP-320)',
    file: 'src/broker/apis/partition/fetch-obstacle.ts',
    from: 'if (epoch < lastFetchedEpoch || endOffset < fetchOffset) {',
    to: 'if ((epoch < lastFetchedEpoch || endOffset < fetchOffset) && endOffset < 0) {',
    ...{ stories: LOSS, story: 'R11' },
  },
  {
    name: 'nobody-is-eligible',
    about: 'only who is in sync may lead, though it may be the one that has lost most (KIP-966)',
    file: ELIGIBLE,
    from: 'const eligible = hadAll.filter((id) => !isr.includes(id) && !isLost(id))',
    to: 'const eligible = hadAll.filter((id) => id < 0 && !isLost(id))',
    ...{ stories: LOSS, story: 'R12: the last' },
  },
  {
    name: 'eligible-whatever-was-lost',
    about: 'who left the ISR stays eligible after it has lost power (KIP-966)',
    file: ELIGIBLE,
    from: '!isr.includes(id) && !isLost(id))',
    to: '!isr.includes(id) && !(isLost(id) && id < 0))',
    ...{ stories: LOSS, story: 'R13' },
  },
  {
    name: 'eligible-beside-enough',
    about: 'who leaves an ISR that is still large enough is eligible: it misses what is committed without it (KIP-966)',
    file: ELIGIBLE,
    from: 'if (isr.length >= minInsyncReplicas) return { eligibleLeaderReplicas: [], lastKnownElr: [] }',
    to: 'if (isr.length > minInsyncReplicas) return { eligibleLeaderReplicas: [], lastKnownElr: [] }',
    ...{ stories: LOSS, story: 'R13' },
  },
  {
    name: 'remembered-leads',
    about: 'who may have lost something leads when nobody else is left',
    file: 'src/controller/leader-election.ts',
    from: '  const anybody = rules.unclean\n',
    to: '  const anybody = rules.unclean || lastKnownElr.length > 0\n',
    ...{ stories: LOSS, story: 'R14: the whole' },
  },
  {
    name: 'tells-of-what-is-not-flushed',
    about: 'a follower asks on when it has written what it was given',
    file: FOLLOWER,
    from: "this.#flushPolicy === 'commit' ? flushedEndOffset : settledEndOffset",
    to: "this.#flushPolicy === 'commit' && nextOffset < 0 ? flushedEndOffset : settledEndOffset",
    ...{ stories: LOSS, story: 'R14: the same' },
  },
  {
    name: 'failed-flush-is-forgotten',
    about: 'a flush that has failed counts as one that has not',
    file: 'src/storage/log-flusher.ts',
    from: '      file.segment.file.flush((error) => {\n        if (error !== undefined) return this.#finish(error, targetOffset)\n',
    to: '      file.segment.file.flush((error) => {\n        if (error !== undefined && targetOffset < 0) return this.#finish(error, targetOffset)\n',
    ...{ stories: LOSS, story: 'R18' },
  },
  {
    name: 'still-a-clean-stop',
    about: 'a start leaves the marker of the last stop while it reads (KAFKA-10471)',
    file: 'src/storage/stop-markers.ts',
    from: '  writeRunning(disk, path, running, (error) => {\n    if (error !== undefined) return done(error)\n',
    to: '  if (running.brokerEpoch < 1e9) return disk.flushDirectory(path, done)\n  writeRunning(disk, path, running, (error) => {\n    if (error !== undefined) return done(error)\n',
    ...{ stories: LOSS, story: 'R24' },
  },
  {
    name: 'moved-before-all-have-come',
    about: 'a move ends when one of those that were added is in sync',
    file: 'src/controller/moving-replicas.ts',
    from: '!partition.addingReplicas.every((id) => isr.includes(id)) || !suffices(isr, replicas, rules)',
    to: '!partition.addingReplicas.some((id) => isr.includes(id))',
    ...{ stories: ISR, story: 'R26' },
  },
  {
    name: 'taken-back-to-too-few',
    about: 'a move is taken back although too few of those that were there are in sync',
    file: 'src/controller/reassignments.ts',
    from: '  if (shrinks && (',
    to: '  if (shrinks && replicas.length > 9 && (',
    ...{ stories: ISR, story: 'R26' },
  },
]
