/** Bugs of group coordinators that seeds hardly show, as they cost a group little but time: the test of that name is red then. */
import type { StoryMutant } from './replica-mutants.js'

export const GROUP_STORY_MUTANTS: readonly StoryMutant[] = [
  {
    name: 'missing-members-stay',
    about:
      'who has not joined until a round is over stays in the group: it is put out only when it does not sync, either',
    file: 'src/coordinator/group/classic-rounds.ts',
    from: 'if (member.joining !== undefined || member.groupInstanceId !== null) continue',
    to: "if (member.joining !== undefined || member.memberId !== '') continue",
    tests: 'coordinator/group/classic-rounds',
    story: 'a round waits for members at most for the longest rebalance timeout',
  },
  {
    name: 'answers-while-it-loads',
    about: 'a coordinator answers from the state that it has read so far',
    file: 'src/broker/coordinators/shard-host.ts',
    from: '    const shard = this.#kind.create(this.partition.id.partition)\n',
    to: '    const shard = this.#kind.create(this.partition.id.partition)\n    this.#shard = shard\n',
    tests: 'broker/coordinators/loading-groups',
    story: 'as long as a shard is loaded no groups are listed',
  },
  {
    name: 'old-generation-is-taken',
    about: 'a member that is still there commits in a generation that is over',
    file: 'src/coordinator/group/classic-group.ts',
    from: "    if (generation !== this.generation) return 'ILLEGAL_GENERATION'\n",
    to: "    if (generation > this.generation) return 'ILLEGAL_GENERATION'\n",
    tests: 'coordinator/group/offsets',
    story: 'who is still a member does not commit in a generation that is over',
  },
]
