/** Guards of the quorum, each taken away. A world of the model or a scenario must find that; `found-by.tsv` says which. */
import type { Weather } from '../model-quorum.js'

export interface RaftMutant {
  readonly name: string
  /** What the bug would be. */
  readonly about: string
  /** Below `src/raft`. */
  readonly file: string
  /** Stands in the file once. */
  readonly from: string
  readonly to: string
  /** Where it would take too many of any worlds. */
  readonly weather?: Partial<Weather>
}

/** Leaders change the voters, and are struck, as soon as they lead. */
const EAGER: Partial<Weather> = {
  voters: 4,
  eagerChance: 1,
  hastyChance: 1,
  changeEveryMs: 1e9,
  snapshotEveryMs: 1e9,
  appendFailChance: 0,
  faultEveryMs: 2000,
  delayMs: 40,
  diskMs: 5,
  stormMs: 15_000,
}

/** Batches come one by one to a few of many, and leaders do not last. */
const HASTY: Partial<Weather> = {
  voters: 5,
  eagerChance: 0,
  hastyChance: 1,
  changeEveryMs: 1e9,
  snapshotEveryMs: 1e9,
  faultEveryMs: 300,
  delayMs: 40,
  readOneChance: 0.9,
}

export const RAFT_MUTANTS: readonly RaftMutant[] = [
  {
    name: 'q01-change-before-own-epoch',
    about: 'a leader changes the voters before it has committed anything in its epoch',
    file: 'voter-changes.ts',
    from: 'voters === undefined || this.#log.highWatermark <= this.#epochStartOffset',
    to: 'voters === undefined',
    weather: EAGER,
  },
  {
    name: 'q01-two-changes-at-a-time',
    about: 'a change of the voters begins while another is not committed',
    file: 'voter-changes.ts',
    from: 'if (this.#pending !== undefined || this.#log.hasUncommittedVoters) {',
    to: "if (this.#pending?.stage === 'catching up') {",
  },
  {
    name: 'q02-no-check-quorum',
    about: 'a leader without a majority leads on',
    file: 'roles.ts',
    from: 'if (!this.#leader!.hasQuorum(this.nowMs)) this.resign()',
    to: 'if (this.nowMs < 0) this.resign()',
  },
  {
    name: 'q03-removed-leader-counts-itself',
    about: 'a leader that has removed itself counts its own log',
    file: 'leader.ts',
    from: 'const reached = log.voters!.majorityValue((voter) =>',
    to: 'const all = log.voters!.has(self.id, self.directoryId) ? log.voters! : log.voters!.with({ ...self, endpoints: [] })\n    const reached = all.majorityValue((voter) =>',
  },
  {
    name: 'q03-leaving-voter-does-not-stand',
    about: 'a server whose removal is not committed does not stand for election, although only its log is long enough',
    file: 'raft-log.ts',
    from: 'return this.hasUncommittedVoters && this.#history.previous?.has(id, directoryId) === true',
    to: 'return false',
  },
  {
    name: 'q04-fetch-of-strangers-refused',
    about: 'a leader answers only those whom it knows as voters',
    file: 'conversation.ts',
    from: '} else if (leader !== undefined) {\n      const { nowMs } = this.#roles',
    to: '} else if (leader !== undefined && this.#roles.voters!.has(request.replica.id, request.replica.directoryId)) {\n      const { nowMs } = this.#roles',
  },
  {
    name: 'q05-cut-voters-stay',
    about: 'a voter set that has been cut off the log counts on',
    file: 'raft-log.ts',
    from: '    this.#history.truncate(endOffset)\n',
    to: '',
  },
  {
    name: 'q06-vote-by-id-alone',
    about: 'a server with a new disk votes as the one that lost it',
    file: 'conversation.ts',
    from: "if (!isSameReplica(voter, this.#context.self)) error = 'INVALID_VOTER_KEY'\n    else if (replica.id",
    to: "if (voter.id !== this.#context.self.id) error = 'INVALID_VOTER_KEY'\n    else if (replica.id",
  },
  {
    name: 'q06-progress-by-id-alone',
    about: 'a server with a new disk is taken for the one that lost it',
    file: 'voter-set.ts',
    from: '{ id, directoryId }: ReplicaKey): string {\n',
    to: "{ id, directoryId }: ReplicaKey): string {\n  if (directoryId !== '') return String(id)\n",
  },
  {
    name: 'q07-no-pre-vote',
    about: 'who stands for election begins an epoch without asking first',
    file: 'roles.ts',
    from: '    this.#tally.answered(this.#context.self, true)\n    this.count()\n',
    to: '    this.#becomeCandidate()\n',
  },
  {
    name: 'q07-pre-vote-against-live-leader',
    about: 'who follows a leader grants pre-votes against it',
    file: 'election.ts',
    from: 'if (preVote) return isUpToDate && !state.hasLiveLeader',
    to: 'if (preVote) return isUpToDate',
  },
  {
    name: 'q11-stale-snapshot-loaded',
    about: 'a snapshot that is not wanted any more takes the place of the log',
    file: 'raft-node.ts',
    from: 'const isWanted = follower?.loading?.offset === offset && follower.loading.epoch === epoch',
    to: 'const isWanted = follower !== undefined',
  },
  {
    name: 'q16-sleeper-judges',
    about: 'a process that stood still looks at the timeouts before it has read its sockets',
    file: 'raft-node.ts',
    from: 'if (stalledMs > 0) {',
    to: 'if (stalledMs > 1e9) {',
  },
  {
    name: 'reply-before-vote-is-saved',
    about: 'a vote is answered while it is being saved',
    file: 'raft-node.ts',
    from: 'const isSaving = this.#saving !== undefined\n',
    to: 'const isSaving = this.#saving !== undefined && this.#replies.length === 0\n',
  },
  {
    name: 'two-votes-in-an-epoch',
    about: 'who has voted votes again',
    file: 'election.ts',
    from: 'if (state.voted !== undefined) return isSameReplica(state.voted, replica)',
    to: '',
  },
  {
    name: 'vote-for-a-shorter-log',
    about: 'a candidate needs no log that is up to date',
    file: 'election.ts',
    from: 'return isUpToDate && state.leaderId === -1',
    to: 'return state.leaderId === -1',
  },
  {
    name: 'epoch-not-saved',
    about: 'a higher epoch is entered and not saved',
    file: 'roles.ts',
    from: '      this.#epochOver = false\n      this.wantsSave = true\n',
    to: '      this.#epochOver = false\n',
  },
  {
    name: 'commit-of-older-epochs',
    about: 'what an earlier leader left is committed without anything of the own epoch (figure 8 of the Raft paper)',
    file: 'leader.ts',
    from: 'if (reached > this.#epochStartOffset) log',
    to: 'if (reached > 0) log',
    weather: HASTY,
  },
  {
    name: 'commit-beyond-own-disk',
    about: 'what is not durable here counts as committed here',
    file: 'raft-log.ts',
    from: 'Math.max(this.#highWatermark, Math.min(committed, this.#persisted))',
    to: 'Math.max(this.#highWatermark, Math.min(committed, this.#end))',
  },
  {
    name: 'fetch-before-persisted',
    about: 'a follower asks for more, and so acknowledges, before its log is durable',
    file: 'conversation.ts',
    from: 'if (!this.#context.log.isSettled || ',
    to: 'if (',
  },
  {
    name: 'flush-of-what-was-cut',
    about: 'a flush that was under way when the log was cut counts for what has come since',
    file: 'raft-log.ts',
    from: '    if (this.#cutting) return\n',
    to: '    endOffset = Math.max(Math.min(endOffset, this.#end), this.#persisted)\n',
    weather: { ...HASTY, diskMs: 50 },
  },
  {
    name: 'divergence-by-offset-alone',
    about: 'a follower whose log parts from that of the leader is served as long as it is not longer',
    file: 'raft-log.ts',
    from: 'common.epoch !== lastFetchedEpoch || common.offset < fetchOffset',
    to: 'common.offset < fetchOffset',
  },
  {
    name: 'fetch-of-an-old-epoch',
    about: 'a Fetch of an earlier epoch, long on its way, is served as one of this epoch',
    file: 'conversation.ts',
    from: "if (currentLeaderEpoch < epoch) error = 'FENCED_LEADER_EPOCH'\n    else if (currentLeaderEpoch > epoch) {",
    to: 'if (currentLeaderEpoch > epoch) {',
  },
  {
    name: 'higher-epoch-of-a-stranger-ignored',
    about: 'a leader ignores that a server it cannot serve has a higher epoch',
    file: 'conversation.ts',
    from: 'if (leader !== undefined) this.#complain(this.#roles.learn(currentLeaderEpoch, -1))',
    to: '',
  },
  {
    name: 'new-voter-without-catching-up',
    about: 'a voter is added before it has the log',
    file: 'voter-changes.ts',
    from: 'if (this.#reached(pending) < pending.targetOffset) return',
    to: 'if (pending.request.timeoutMs < 0) return',
  },
  {
    name: 'rivals-do-not-give-way',
    about: 'two that see their leader die stand at once and take each other the votes, again and again',
    file: 'roles.ts',
    from: "if (this.#role !== 'prospective' || this.#gaveWay) return",
    to: 'if (this.#gaveWay || this.nowMs >= 0) return',
  },
]
