/** Bugs of group coordinators that could have been written, and that clusters with groups of consumers show. */
import type { Mutant } from './mutants.js'

const GROUPS = ['--profile', 'groups']
const GROUP = 'src/coordinator/group/classic-group.ts'
const GROUPS_OF = 'src/coordinator/group/classic-groups.ts'
const ROUNDS = 'src/coordinator/group/classic-rounds.ts'
const HOST = 'src/broker/coordinators/shard-host.ts'
const NEXT = 'src/coordinator/group/consumer'

/** What a run says that has failed. */
const FAILED = /AssertionError|^seed \S+: (?!\d+ nodes?,)|^seed \S+, at |^ {2}(?!hash |the core |faults: )[\w -]+: /m

export const GROUP_MUTANTS: readonly Mutant[] = [
  {
    name: 'old-generation-commits',
    about: 'a member that is still there commits in a generation that is over',
    file: GROUP,
    from: "    if (generation !== this.generation) return 'ILLEGAL_GENERATION'\n",
    to: "    if (generation > this.generation) return 'ILLEGAL_GENERATION'\n",
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'anybody-commits',
    about: 'a member that was removed commits what it has read, if it knows a generation',
    file: GROUP,
    from: '    if (refused !== undefined) return refused\n    if (generation !== this.generation)',
    to: "    if (refused === 'FENCED_INSTANCE_ID') return refused\n    if (generation > this.generation)",
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'answer-before-commit',
    about: 'an answer leaves when what it rests on is appended, not when it is committed',
    file: HOST,
    from: 'this.#replies.length > 0 && this.#replies[0]!.endOffset <= highWatermark',
    to: 'this.#replies.length > 0 && highWatermark >= 0',
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'sessions-last',
    about: 'a member that says nothing any more stays in its group',
    file: ROUNDS,
    from: '    if (member === undefined || (!member.isNew && (member.joining ?? member.syncing) !== undefined)) return\n',
    to: '    if (member === undefined || !member.isNew) return\n',
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'replaced-instance-goes-on',
    about: 'who has been replaced under its instance id stays a member beside the one that replaced it',
    file: GROUP,
    from: "      if (known !== memberId) return 'FENCED_INSTANCE_ID'\n",
    to: "      if (known !== memberId && !this.members.has(memberId)) return 'FENCED_INSTANCE_ID'\n",
    also: [
      {
        file: GROUP,
        from: 'const members = [...this.members.values()].map((other) => (other === old ? member : other))',
        to: 'const members = [...this.members.values(), member]',
      },
    ],
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'applied-before-it-is-taken',
    about: 'what is decided is applied first, and stays where the partition does not take it',
    file: HOST,
    from: '    const result = appendRecords(',
    to: `    const at = { offset: this.#endOffset, timestampMs: now.wallMs, producerId: -1, producerEpoch: -1 }
    for (const record of records) this.#shard!.apply(record, at)
    const result = appendRecords(`,
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'strangers-are-alive',
    about: 'who is no member is told that all is well',
    file: GROUPS_OF,
    from: '    if (refused !== undefined) return refused\n    if (generationId !== group.generation)',
    to: "    if (refused === 'UNKNOWN_MEMBER_ID') return 'NONE'\n    if (refused !== undefined) return refused\n    if (generationId !== group.generation)",
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'nobody-hears-of-the-round',
    about: 'members are not told that a round has begun',
    file: GROUPS_OF,
    from: "return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'",
    to: "return group.state === 'PreparingRebalance' && group.isFirstRound ? 'REBALANCE_IN_PROGRESS' : 'NONE'",
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'static-place-is-lost',
    about: 'a static member that comes back has no assignment until the next round',
    file: GROUPS_OF,
    from: '      ...old,\n      ...wishes,\n      memberId,',
    to: '      ...old,\n      ...wishes,\n      assignment: NO_BYTES,\n      memberId,',
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'tombstones-are-not-read',
    about: 'an offset that was deleted is there again when the log is read',
    file: 'src/coordinator/group/committed-offsets.ts',
    from: '    if (value === null) {\n',
    to: '    if (value === null && partitions === undefined) return\n    if (value === null) {\n      if (partitions!.size > 0) return\n',
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'generation-goes-back',
    about: 'a group whose members are all gone begins again with its first generation',
    file: GROUP,
    from: '    this.generation++\n',
    to: '    this.generation = this.members.size === 0 ? 0 : this.generation + 1\n',
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'given-before-it-is-given-back',
    about: 'a member of KIP-848 gets a partition before who had it has given it up',
    file: `${NEXT}/group-change.ts`,
    from: 'return owner !== undefined && owner !== memberId',
    to: 'return owner !== undefined && owner !== memberId && partition < 0',
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'silent-members-have-nothing',
    about: 'a member of KIP-848 that does not say what it has is taken to have given all back',
    file: `${NEXT}/reconciliation.ts`,
    from: 'return owned === undefined || overlaps(owned, partitions)',
    to: 'return owned !== undefined && overlaps(owned, partitions)',
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'old-member-epoch-commits',
    about: 'a member of KIP-848 commits with an epoch that is over',
    file: `${NEXT}/consumer-group.ts`,
    from: '  if (claimed === epoch) return undefined\n',
    to: '  if (claimed <= epoch) return undefined\n',
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'who-comes-back-is-new',
    about: 'a static member of KIP-848 that says that it comes back is taken out of its group',
    file: `${NEXT}/heartbeats.ts`,
    from: '    if (memberEpoch === LEAVING_STATIC_EPOCH) {\n      // Its',
    to: '    if (memberEpoch === LEAVING_STATIC_EPOCH && instanceId === null) {\n      // Its',
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'next-sessions-last',
    about: 'a member of KIP-848 that says nothing any more stays in its group',
    file: `${NEXT}/heartbeats.ts`,
    from: "memory.set(memberId, 'session', now.monotonicMs + this.#settings.sessionTimeoutMs(groupId))",
    to: "memory.set(memberId, 'session', now.monotonicMs + 1e9)",
    options: GROUPS,
    found: FAILED,
  },
  {
    name: 'upgraded-members-have-nothing',
    about: 'what members of a classic group have is free for others when the group goes over to KIP-848',
    file: `${NEXT}/upgrade.ts`,
    from: '      group.setMember(member)\n',
    to: '      group.setMember({ ...member, assigned: new Map() })\n',
    options: GROUPS,
    found: FAILED,
  },
]
