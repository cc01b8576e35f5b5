/**
 * More bugs of replication that could have been written: of leaders and followers, of the controller that says who they are, of what a broker says of itself when it
 * starts. Each is found by a story, or by a test of a core where the shell around it would not let the bug be seen.
 */
import type { Patch } from './build-copy.js'

export interface StoryMutant extends Patch {
  readonly name: string
  /** What the bug would be. */
  readonly about: string
  /** Of `test`, without its ending. */
  readonly tests: string
  /** How the name of the story begins. */
  readonly story: string
}

const LOGS = 'sim/replication-stories'
const ISR = 'sim/isr-stories'
const LOSS = 'sim/loss-stories'
const FRONT = 'sim/deleted-front-stories'
const FOLLOWER_TESTS = 'replication/partition-follower'
const TRUNCATION = 'replication/truncation'
const LEADER = 'src/replication/partition-leader.ts'
const FOLLOWER = 'src/replication/partition-follower.ts'
const PARTITION = 'src/broker/partition.ts'
const FETCH = 'src/broker/apis/partition/fetch.ts'
const OBSTACLE = 'src/broker/apis/partition/fetch-obstacle.ts'
const ISR_CHANGES = 'src/controller/isr-changes.ts'
const ELECTION = 'src/controller/leader-election.ts'
const ELIGIBLE = 'src/controller/eligible-replicas.ts'
const USABLE = '    this.#usable = usable\n'

export const REPLICA_MUTANTS: readonly StoryMutant[] = [
  {
    name: 'guard-3-leads-on-with-what-it-knew',
    about: 'a leader that is elected again keeps what it knew of its replicas, and takes in whoever had all',
    file: PARTITION,
    from: '    this.#leader = new PartitionLeader(options)\n',
    to: '    const before = this.#leader?.capture()\n    const anew = { epochStartOffset: options.logEndOffset, pending: undefined }\n    this.#leader = new PartitionLeader(before === undefined ? options : { ...before, ...options, ...anew })\n',
    also: [
      {
        file: LEADER,
        from: USABLE,
        to: `${USABLE}    for (const id of usable.keys()) if (this.#pending === undefined && this.#mayJoin(id)) this.#propose([...this.#isr, id])\n`,
      },
    ],
    tests: LOSS,
    story: 'R05: nor does it count',
  },
  {
    name: 'guard-4-joins-unseen',
    about: 'who has not fetched in this epoch is proposed to be in sync as soon as it can be used',
    file: LEADER,
    from: USABLE,
    to: `${USABLE}    for (const id of usable.keys()) {\n      if (this.#pending === undefined && !this.#isr.includes(id) && this.positionOf(id) < 0) this.#propose([...this.#isr, id])\n    }\n`,
    tests: LOSS,
    story: 'R05: what a leader',
  },
  {
    name: 'guard-5-joins-below-high-watermark',
    about: 'a replica joins that has what the leader began with, and not all that was committed since',
    file: LEADER,
    from: 'position >= this.#highWatermark && position >= this.epochStartOffset',
    to: 'position >= this.epochStartOffset',
    tests: LOGS,
    story: 'R04: nor does one join',
  },
  {
    name: 'guard-7-answer-from-another-place',
    about: 'a follower takes an answer to what it asked when its log ended elsewhere',
    file: FOLLOWER,
    from: 'fetch.fetchOffset !== log.nextOffset || ',
    to: '',
    tests: FOLLOWER_TESTS,
    story: 'an answer to an older question',
  },
  {
    name: 'guard-8-answer-of-another-epoch',
    about: 'a follower takes an answer to what it asked in another leader epoch',
    file: FOLLOWER,
    from: 'fetch.leaderEpoch !== this.leaderEpoch || ',
    to: '',
    tests: FOLLOWER_TESTS,
    story: 'an answer to an older question',
  },
  {
    name: 'guard-10-any-partition-epoch-will-do',
    about: 'the controller takes a proposal that was made upon an ISR of before',
    file: ISR_CHANGES,
    from: "  if (partitionEpoch < partition.partitionEpoch) return 'INVALID_UPDATE_VERSION'\n",
    to: '',
    tests: ISR,
    story: 'R19: nor is one heard',
  },
  {
    name: 'any-leader-proposes',
    about: 'the controller takes a proposal of a leader of before',
    file: ISR_CHANGES,
    from: "  if (brokerId !== partition.leader || leaderEpoch < partition.leaderEpoch) return 'FENCED_LEADER_EPOCH'\n",
    to: '',
    tests: ISR,
    story: 'R19: nor is one heard',
  },
  {
    name: 'unanswered-is-refused',
    about: 'a proposal of which nobody knows what became of it is forgotten',
    file: LEADER,
    from: "      case 'unanswered':\n        this.#pending = { ...pending, underWay: false }\n",
    to: "      case 'unanswered':\n        this.#pending = undefined\n",
    tests: ISR,
    story: 'R06: nor is it while nobody knows',
  },
  {
    name: 'shrinks-by-itself',
    about: 'a leader counts those who lag no more as soon as it has proposed to leave them out',
    file: LEADER,
    from: '    if (inSync.length < this.#isr.length) this.#propose(inSync)\n',
    to: '    if (inSync.length < this.#isr.length) {\n      this.#propose(inSync)\n      this.#isr = inSync\n    }\n',
    tests: ISR,
    story: 'R06: nor is what a leader',
  },
  {
    name: 'proposed-are-enough',
    about: 'who is proposed counts towards min.insync.replicas',
    file: LEADER,
    from: 'return this.#isEnough(this.#isr)',
    to: 'return this.#isEnough(this.maximalIsr)',
    tests: ISR,
    story: 'R07',
  },
  {
    name: 'epoch-starts-at-the-high-watermark',
    about: 'a leader takes what it knows to be committed for where its epoch starts',
    file: LEADER,
    from: 'this.epochStartOffset = state?.epochStartOffset ?? logEndOffset',
    to: 'this.epochStartOffset = state?.epochStartOffset ?? highWatermark',
    tests: ISR,
    story: 'R23',
  },
  {
    name: 'written-counts-at-the-leader',
    about: 'under flush.policy=commit a leader counts for itself what it has written and not flushed',
    file: LEADER,
    from: "let lowest = this.#flushPolicy === 'commit' ? this.#flushedEndOffset : this.#logEndOffset",
    to: 'let lowest = this.#logEndOffset',
    tests: 'replication/partition-leader',
    story: 'under commit the high watermark',
  },
  {
    name: 'waits-over-another-leadership',
    about: 'a produce waits on when its leader leads no more, and is answered when it does again',
    file: PARTITION,
    from: "    if (leader === undefined || leaderEpoch < this.#leadsSinceEpoch) return 'NOT_LEADER_OR_FOLLOWER'\n",
    to: "    if (leader === undefined) return 'pending'\n",
    tests: ISR,
    story: 'R22: what another leader',
  },
  {
    name: 'takes-what-cannot-be-committed',
    about: 'a produce with acks=all is appended although fewer than min.insync.replicas are in sync',
    file: PARTITION,
    from: 'if (acks === -1 && !leader.hasEnoughInSync) {',
    to: 'if (acks === -1 && leader.isr.length === 0) {',
    tests: ISR,
    story: 'R22: what was refused',
  },
  {
    name: 'acks-1-waits-for-all',
    about: 'acks=1 is answered when the record is committed',
    file: PARTITION,
    from: 'const reached = acks === -1 ? leader.highWatermark : this.log.settledEndOffset',
    to: 'const reached = acks !== 0 ? leader.highWatermark : this.log.settledEndOffset',
    tests: LOSS,
    story: 'R25',
  },
  {
    name: 'later-epochs-are-served',
    about: 'who knows of a later leader epoch is answered by the leader of an earlier one (KIP-320)',
    file: PARTITION,
    from: "    if (leaderEpoch !== -1 && leaderEpoch > this.#leaderEpoch) return 'UNKNOWN_LEADER_EPOCH'\n",
    to: '',
    tests: LOGS,
    story: 'R10',
  },
  {
    name: 'counts-who-has-to-cut-first',
    about: 'a leader counts a follower up to where it asks from, although their logs part before',
    file: FETCH,
    from: 'if (replica === undefined || partition === undefined || this.#obstacle(partition, wanted) !== undefined) return',
    to: 'if (replica === undefined || partition === undefined || this.#obstacle(partition, wanted)?.error !== undefined) return',
    tests: LOGS,
    story: 'R15: nor does',
  },
  {
    name: 'parts-by-offset-alone',
    about: 'a leader looks only whether the epoch of a follower ends before its offset, not whether it is another one',
    file: OBSTACLE,
    from: 'if (epoch < lastFetchedEpoch || endOffset < fetchOffset) {',
    to: 'if (endOffset < fetchOffset) {',
    tests: TRUNCATION,
    story: 'R03: (f) the same',
  },
  {
    name: 'cuts-where-its-own-epoch-ends',
    about: 'a follower cuts where its own epoch ends, wherever that of the leader does',
    file: FOLLOWER,
    from: 'Math.min(endOffset, own?.endOffset ?? log.nextOffset)',
    to: '(own?.endOffset ?? endOffset)',
    tests: TRUNCATION,
    story: 'R03: (e) both',
  },
  {
    name: 'names-the-epoch-of-its-leader',
    about: 'a follower names the epoch in which it follows for that of its last record',
    file: FOLLOWER,
    from: 'lastFetchedEpoch: epochs.latestEpoch ?? -1,',
    to: 'lastFetchedEpoch: epochs.size === 0 ? -1 : this.leaderEpoch,',
    tests: LOSS,
    story: 'R02',
  },
  {
    name: 'empty-epochs-stay',
    about: 'who has led and written nothing follows with an epoch that has no record',
    file: 'src/broker/following.ts',
    from: '    state.epochs.truncateFromEnd(nextOffset)\n',
    to: '    if (nextOffset < 0) state.epochs.truncateFromEnd(nextOffset)\n',
    tests: LOGS,
    story: 'R17: who has led',
  },
  {
    name: 'disks-are-all-the-same',
    about: 'a replica whose directory was replaced is taken for one that has crashed',
    file: ELECTION,
    from: 'const isLost = !(hasKept(partition, start) && (start.isClean || rules.survivesCrashes))',
    to: 'const isLost = !(start.isClean || rules.survivesCrashes)',
    tests: LOSS,
    story: 'R13: nor is one eligible',
  },
  {
    name: 'nobody-is-remembered',
    about: 'who may have lost something is forgotten, and nobody knows whom to ask when none is left (KIP-966)',
    file: ELIGIBLE,
    from: 'lastKnownElr: remembered.filter((id) => !isr.includes(id) && !eligible.includes(id)),',
    to: 'lastKnownElr: remembered.filter((id) => isr.includes(id) && !eligible.includes(id)),',
    tests: LOSS,
    story: 'R14: the whole',
  },
  {
    name: 'every-boot-is-the-same',
    about: 'a process that ended with its machine is taken for one that crashed',
    file: 'src/storage/stop-markers.ts',
    from: 'const sameBoot = bootId !== undefined && fieldsOf(running).bootId === bootId',
    to: 'const sameBoot = bootId !== undefined && fieldsOf(running).bootId !== null',
    tests: LOSS,
    story: 'R13: only who left',
  },
  {
    name: 'leads-while-it-stops',
    about: 'a broker that is about to stop may be in sync, and lead',
    file: 'src/metadata/image.ts',
    from: 'return isReplicaUsable(image, partition, brokerId) && image.brokers.get(brokerId)?.inControlledShutdown === false',
    to: 'return isReplicaUsable(image, partition, brokerId)',
    tests: ISR,
    story: 'R20',
  },
  {
    name: 'epoch-rises-with-another-leader-only',
    about: 'a leader that is elected again leads on in the epoch that it had',
    file: 'src/metadata/delta.ts',
    from: 'leaderEpoch: record.leader === undefined ? old.leaderEpoch : old.leaderEpoch + 1,',
    to: 'leaderEpoch: (record.leader ?? old.leader) === old.leader ? old.leaderEpoch : old.leaderEpoch + 1,',
    tests: LOSS,
    story: 'R05: nor does it count',
  },
  {
    name: 'deletes-for-itself',
    about: 'a deletion is answered when the leader has done it, whoever else has not',
    file: LEADER,
    from: 'if (this.#mayLead(id) || this.#usable.has(id))',
    to: 'if (this.#mayLead(id) && id === this.#nodeId)',
    tests: FRONT,
    story: 'what was deleted, as its client was told',
  },
  {
    name: 'eligible-has-what-was-deleted',
    about: 'a deletion does not wait for who is away and may lead',
    file: LEADER,
    from: 'if (this.#mayLead(id) || this.#usable.has(id))',
    to: 'if (this.maximalIsr.includes(id) || this.#usable.has(id))',
    tests: FRONT,
    story: 'a deletion waits for who is away',
  },
  {
    name: 'in-sync-with-what-was-deleted',
    about: 'a follower is in sync before it has deleted what its leader has',
    file: LEADER,
    from: 'if (startOffset < this.#startOffset || this.#usable',
    to: 'if (this.#usable',
    tests: FRONT,
    story: 'a deletion does not wait for who is away',
  },
  {
    name: 'kept-out-for-what-is-deleted',
    about: 'a replica is kept out until it asks for what nobody has any more',
    file: LEADER,
    from: 'if (position <= Math.max(startOffset, this.#keptOut.get(replicaId) ?? -1))',
    to: 'if (position <= (this.#keptOut.get(replicaId) ?? -1))',
    tests: 'replication/partition-leader',
    story: 'who is kept out for what is deleted',
  },
  {
    name: 'offline-until-the-next-start',
    about: 'a replica that could not be opened stays so, though nobody counts on it any more',
    file: 'src/broker/replica-manager.ts',
    from: 'return isDispensable(state, this.#nodeId) && before !== undefined',
    to: 'return before === state && before !== undefined',
    tests: LOSS,
    story: 'R13: nor is one eligible',
  },
  {
    name: 'forgets-what-is-committed',
    about: 'the high watermark is not known any more after a restart',
    file: PARTITION,
    from: 'Math.max(log.startOffset, Math.min(highWatermark, log.settledEndOffset))',
    to: 'log.startOffset',
    tests: LOSS,
    story: 'what a replica knows to be committed',
  },
  {
    name: 'believes-what-was-cut',
    about: 'the high watermark that was written down of a log is believed of what follows where it was cut',
    file: 'src/storage/log-manager.ts',
    from: 'this.highWatermarks.lower(log.directory.slice(this.#directory.path.length + 1), endOffset, (error) =>',
    to: 'this.highWatermarks.write((error) =>',
    tests: 'storage/high-watermarks',
    story: 'a log that is cut',
  },
  {
    name: 'believes-what-is-lost',
    about:
      'the high watermark that was written down of a log is believed of what follows where it ends after a power loss',
    file: 'src/storage/log-manager.ts',
    from: 'this.highWatermarks.lower(name, log.logEndOffset, (failure) =>',
    to: 'this.highWatermarks.write((failure) =>',
    tests: 'storage/high-watermarks',
    story: 'a log that has lost its end',
  },
]
