/** Bugs of a cluster that could have been written: in its founding, in the shell of its quorum, in its controller. Guard 1 is the first. */
import type { Mutant } from './mutants.js'

/** Seeds of clusters of several nodes. */
const CLUSTERS = ['--profile', 'quorum']

/** What a run says that has failed. */
const FAILED = /AssertionError|^seed \S+: (?!\d+ nodes?,)|^ {2}(?:not linearizable|two leaders|went back): /m

export const CLUSTER_MUTANTS: readonly Mutant[] = [
  {
    name: 'any-incarnation-is-the-same',
    about: 'a broker that has been started again gets the epoch of the process before it',
    file: 'src/controller/brokers.ts',
    from: 'const isSame = known?.incarnationId === incarnationId',
    to: 'const isSame = known !== undefined',
    options: CLUSTERS,
    found: FAILED,
  },
  {
    name: 'vote-counts-before-durable',
    about: 'a vote is answered while its file is being written',
    file: 'src/broker/quorum/quorum.ts',
    from: "    writeAtomically(disk, this.#log.directory, ELECTION_STATE_FILE, bytes, (error) => {\n      if (error !== undefined) return this.#saveFailed(state, error)\n      this.#input('stateSaved', [state.leaderEpoch])\n    })",
    to: "    writeAtomically(disk, this.#log.directory, ELECTION_STATE_FILE, bytes, (error) => {\n      if (error !== undefined) return this.#saveFailed(state, error)\n    })\n    this.#ports.clock.defer(() => this.#input('stateSaved', [state.leaderEpoch]))",
    options: CLUSTERS,
    found: FAILED,
    survives:
      'a node has to die while it writes a vote, and to be asked for another in the same epoch; in the model of the quorum its like is found',
  },
  {
    name: 'metadata-counts-before-flush',
    about: 'the metadata log counts what is written and not yet flushed',
    file: 'src/broker/node.ts',
    from: "flushPolicy: 'commit' as const",
    to: "flushPolicy: 'os' as const",
    options: CLUSTERS,
    found: FAILED,
  },
  {
    name: 'reply-before-commit',
    about: 'the controller answers when its records are appended, not when they are committed',
    file: 'src/broker/controller/controller.ts',
    from: '    this.#waiting.push(waiting)\n    this.committed()\n',
    to: '    waiting.go()\n',
    options: CLUSTERS,
    found: FAILED,
    survives: 'a broker answers its client when it has applied the change, and it applies what is committed',
  },
  {
    name: 'answer-before-applied',
    about: 'a broker tells its client of a change that it does not know itself yet',
    file: 'src/broker/broker.ts',
    from: 'if (this.#image.offset >= endOffset - 1) return go(true)',
    to: 'if (endOffset > -2) return go(true)',
    options: CLUSTERS,
    found: FAILED,
  },
  {
    name: 'founding-without-all',
    about: 'a cluster is founded although not everybody that is named has answered',
    file: 'src/raft/founding.ts',
    from: '  if (missing.length > 0) return `no answer',
    to: '  if (missing.length > 1) return `no answer',
    options: CLUSTERS,
    found: FAILED,
  },
  {
    name: 'founding-by-anybody',
    about: 'whoever sees all empty writes a founding of its own',
    file: 'src/raft/founding.ts',
    from: "  if (voters[0]!.id !== self.id) return { is: 'wait', complaint: undefined }\n",
    to: '',
    options: CLUSTERS,
    found: FAILED,
  },
  {
    name: 'cut-records-stay-in-the-image',
    about: 'what was cut off the log is applied when its place is committed',
    file: 'src/broker/quorum/actions.ts',
    from: "if (action.action === 'truncate') this.#image.truncateTo(action.endOffset)",
    to: "if (action.action === 'restart') this.#image.truncateTo(action.snapshotId.offset)",
    options: CLUSTERS,
    found: FAILED,
  },
  {
    name: 'forgotten-in-word-only',
    about: 'a broker is said to be forgotten, and stays',
    file: 'src/controller/brokers.ts',
    from: "    { type: 'unregisterBroker', brokerId, brokerEpoch: broker.brokerEpoch, cause },\n",
    to: '',
    options: CLUSTERS,
    found: FAILED,
  },
  {
    name: 'snapshot-of-what-is-not-committed',
    about: 'a snapshot says that it holds more than the image in it knows',
    file: 'src/broker/quorum/snapshot-keeper.ts',
    from: 'this.#snapshots.take(id, { image, voters, lastContainedTimestamp }',
    to: 'this.#snapshots.take(id, { image: { ...image, configs: new Map() }, voters, lastContainedTimestamp }',
    options: CLUSTERS,
    found: FAILED,
  },
  {
    name: 'election-state-forgotten',
    about: 'a node that starts again does not know for whom it has voted',
    file: 'src/broker/quorum/stored-quorum.ts',
    from: '  return state\n}',
    to: '  return { ...state, votedId: -1 }\n}',
    options: CLUSTERS,
    found: FAILED,
    survives: 'as with a vote that is not durable: seen in the model of the quorum only',
  },
]
