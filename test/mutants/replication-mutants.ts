/** Bugs of replication that could have been written, and that a cluster under a load of records shows: the seeds of it that find them are early ones. */
import type { Mutant } from './mutants.js'

const REPLICATION = ['--profile', 'replication']

/** What a run says that has failed. */
const FAILED = /AssertionError|^seed \S+: (?!\d+ nodes?,)|^ {2}(?!hash |the core |faults: )[\w -]+: /m

export const REPLICATION_MUTANTS: readonly Mutant[] = [
  {
    name: 'high-watermark-goes-back',
    about: 'a leader falls back to what its replicas have, whatever was committed before',
    file: 'src/replication/partition-leader.ts',
    from: 'if (lowest <= this.#highWatermark) return false',
    to: 'if (lowest === this.#highWatermark) return false',
    options: REPLICATION,
    found: FAILED,
  },
  {
    name: 'committed-beyond-the-log',
    about: 'a follower counts as committed what its leader does, and what it does not have itself',
    file: 'src/replication/partition-follower.ts',
    from: 'Math.max(this.#highWatermark, Math.min(this.#leaderHighWatermark, nextOffset))',
    to: 'Math.max(this.#highWatermark, nextOffset < 0 ? nextOffset : this.#leaderHighWatermark)',
    options: REPLICATION,
    found: FAILED,
  },
  {
    name: 'counts-only-who-is-not-close',
    about: 'the high watermark is that of the leader and of whoever is proposed, without those who are in sync',
    file: 'src/replication/partition-leader.ts',
    from: 'this.#isr.includes(id) || this.#isProposed(id) || this.#isClose(id)',
    to: 'this.#isProposed(id) || this.#isClose(id)',
    options: REPLICATION,
    found: FAILED,
  },
  {
    name: 'first-alive-leads',
    about: 'the first replica that can be used leads, whether it is in sync or not',
    file: 'src/controller/moving-replicas.ts',
    from: 'partition.replicas.find((id) => partition.isr.includes(id) && alive(id)) ?? -1',
    to: 'partition.replicas.find((id) => partition.isr.length > 0 && alive(id)) ?? -1',
    options: REPLICATION,
    found: FAILED,
  },
  {
    name: 'fenced-broker-stays-in-sync',
    about: 'a broker is fenced, and stays in sync with others',
    file: 'src/controller/leader-election.ts',
    from: '    isr: partition.isr.filter((id) => id !== brokerId),\n    canLead: (id) => id !== brokerId',
    to: '    isr: partition.leader === brokerId ? partition.isr.filter((id) => id !== brokerId) : partition.isr,\n    canLead: (id) => id !== brokerId',
    options: REPLICATION,
    found: FAILED,
  },
]
