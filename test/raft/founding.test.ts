/** The founding of a cluster: what one round of answers leads to, and a model of nodes that found under crashes, lost disks and lost messages. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Uuid } from '../../src/base/uuid.js'
import {
  type Asked,
  decideFounding,
  type FoundingAnswer,
  type FoundingSelf,
  isPossible,
} from '../../src/raft/founding.js'
import type { Voter } from '../../src/raft/voter-set.js'

const NAMED = '1@a:1,2@b:2,3@c:3'

function whom(id: number, withId = true): Asked['whom'] {
  return { id: withId ? id : undefined, host: 'abc'[id - 1]!, port: id }
}

function empty(id: number, changed: Partial<FoundingAnswer> = {}): FoundingAnswer {
  const answer = { id, directoryId: `d${id}`, endpoints: [{ name: 'C', host: 'abc'[id - 1]!, port: id }] }
  return { ...answer, named: NAMED, clusterId: undefined, formattedFor: undefined, foundingVoters: [], ...changed }
}

function self(id: number, changed: Partial<FoundingSelf> = {}): FoundingSelf {
  return { id, directoryId: `d${id}`, named: NAMED, isController: true, formattedFor: undefined, ...changed }
}

function round(...answers: readonly (FoundingAnswer | undefined)[]): Asked[] {
  return answers.map((came, index) => ({ whom: whom(index + 1), came: came ?? { failure: 'refused' } }))
}

function complaint(me: FoundingSelf, asked: readonly Asked[]): string | undefined {
  const decision = decideFounding(me, asked)
  assert.equal(decision.is, 'wait')
  return decision.is === 'wait' ? decision.complaint : undefined
}

test('all are there and belong to nothing: the lowest id founds, with the directories of all', () => {
  const all = round(empty(3), empty(1), empty(2)).map((asked, index) => ({ ...asked, whom: whom([3, 1, 2][index]!) }))
  const decision = decideFounding(self(1), all)
  assert.ok(decision.is === 'found')
  assert.deepEqual(
    decision.voters.map(({ id, directoryId, endpoints }) => [id, directoryId, endpoints.length]),
    [
      [1, 'd1', 1],
      [2, 'd2', 1],
      [3, 'd3', 1],
    ],
  )
  assert.equal(complaint(self(2), all), undefined, 'another one is to act')
})

test('a majority is not enough: who is missing is named', () => {
  assert.equal(
    complaint(self(1), round(empty(1), empty(2), undefined)),
    'no answer yet from 3@c:3 (refused): all have to be there when a cluster begins',
  )
})

test('who hears of a cluster joins it: with its directory among the founders as a voter, else not', () => {
  const voters = [1, 2, 3].map((id): Voter => empty(id))
  const member = { clusterId: 'X', foundingVoters: voters }
  const heard = round(undefined, empty(2), empty(3, member))
  assert.deepEqual(decideFounding(self(2), heard), { is: 'join', clusterId: 'X', voters })
  const replaced = round(undefined, empty(2, { directoryId: 'new' }), empty(3, member))
  assert.deepEqual(decideFounding(self(2, { directoryId: 'new' }), replaced), {
    is: 'join',
    clusterId: 'X',
    voters: undefined,
  })
  assert.deepEqual(decideFounding(self(9, { isController: false }), heard), {
    is: 'join',
    clusterId: 'X',
    voters: undefined,
  })
})

test('who must not found says why', () => {
  const all = round(empty(1), empty(2), empty(3))
  assert.match(complaint(self(9, { isController: false }), all)!, /none of the controllers belongs to a cluster yet$/)
  assert.match(complaint(self(9), all)!, /this node is not named: it is not reached under 1@a:1,2@b:2,3@c:3$/)
  const other = round(empty(1), empty(2, { named: '1@a:1,2@b:2' }), empty(3))
  assert.match(complaint(self(1), other)!, /^2@b:2 names other controllers \(1@a:1,2@b:2\) than this node/)
  assert.match(complaint(self(1), round(empty(1), empty(3), empty(3)))!, /^2@b:2 answers as node 3$/)
  const two = round(empty(1, { clusterId: 'X' }), empty(2, { clusterId: 'Y' }), empty(3))
  assert.match(complaint(self(3), two)!, /^1@a:1 belongs to the cluster X, 2@b:2 to Y/)
  const servers = round(empty(1), empty(2), empty(2, { directoryId: 'other' }))
  const unnumbered = servers.map(({ came }, index) => ({ whom: whom(index + 1, false), came }))
  assert.match(complaint(self(1), unnumbered)!, /^b:2 and c:3 are two nodes with the id 2$/)
})

test('a second node with an id ends, and the first is not disturbed', () => {
  const twin = self(1, { directoryId: 'other' })
  for (const came of [empty(1), empty(1, { clusterId: 'X' })]) {
    const decision = decideFounding(twin, round(came, empty(2), empty(3)))
    assert.ok(decision.is === 'end')
    assert.match(decision.sentence, /^1@a:1 is node 1, too, with another directory \(d1\): two nodes cannot have one/)
  }
  const servers = round(empty(1, { clusterId: 'X' }), empty(2), empty(3))
  const unnumbered = servers.map(({ came }, index) => ({ whom: whom(index + 1, false), came }))
  assert.equal(decideFounding(twin, unnumbered).is, 'end')
  assert.equal(decideFounding(self(1), round(empty(1), empty(2), empty(3))).is, 'found')
})

test('directories that were formatted begin the cluster that they were formatted for, and no other', () => {
  const formatted = { formattedFor: 'F' }
  const decision = decideFounding(self(1), round(empty(1), empty(2, formatted), empty(3, formatted)))
  assert.ok(decision.is === 'found' && decision.clusterId === 'F')
  const differing = round(empty(1), empty(2, formatted), empty(3, { formattedFor: 'G' }))
  assert.match(complaint(self(1), differing)!, /formatted for several clusters: F, G$/)
  const elsewhere = decideFounding(self(2, formatted), round(empty(1, { clusterId: 'X' }), empty(2, formatted)))
  assert.ok(elsewhere.is === 'end')
  assert.match(elsewhere.sentence, /was formatted for the cluster F, and 1@a:1 belongs to X/)
})

test('a server that is named by two addresses is one voter', () => {
  const asked = [empty(1), empty(2), empty(2)].map((came, index) => ({ whom: whom(index + 1, false), came }))
  const decision = decideFounding(self(1), asked)
  assert.ok(decision.is === 'found')
  assert.deepEqual(
    decision.voters.map(({ id }) => id),
    [1, 2],
  )
})

test('what no node would answer is not taken for an answer', () => {
  const voters = [1, 2, 3].map((id): Voter => empty(id))
  const good = empty(1, { clusterId: 'X', foundingVoters: voters })
  assert.ok(isPossible(good) && isPossible(empty(2)))
  for (const changed of [
    { id: -1 },
    { clusterId: '' },
    { clusterId: 'X\nnode.id=2' },
    { formattedFor: 'x'.repeat(256) },
    { foundingVoters: [...voters, empty(1, { directoryId: 'other' })] },
    { foundingVoters: Array.from({ length: 8 }, (_, id): Voter => ({ ...voters[0]!, id })) },
    { foundingVoters: [{ ...voters[0]!, id: -2 }] },
    { endpoints: Array.from({ length: 101 }, () => good.endpoints[0]!) },
  ]) {
    assert.ok(!isPossible({ ...good, ...changed }), JSON.stringify(changed))
  }
})

test('more controllers than a quorum has voters are not founded with', () => {
  const asked = Array.from({ length: 8 }, (_, index) => ({
    whom: { id: undefined, host: 'h', port: index + 1 },
    came: empty(index + 1),
  }))
  assert.match(complaint(self(1), asked)!, /^8 controllers are named, and a quorum has at most 7 voters: name fewer$/)
})

interface Disk {
  directoryId: Uuid
  clusterId: string | undefined
  snapshot: readonly Voter[] | undefined
}

interface Member {
  readonly id: number
  disk: Disk
  up: boolean
  /** Grows with each start, so that what was for an earlier process is not taken. */
  start: number
  round: Map<number, Asked['came']> | undefined
  rounds: number
  /** Steps that are not durable yet. */
  writes: (() => void)[]
}

/** On its way: a question, or an answer. */
interface Letter {
  readonly from: number
  readonly start: number
  readonly round: number
  readonly to: number
  readonly answer: FoundingAnswer | { readonly failure: string } | undefined
}

/** Nodes that found, one event at a time; which one is drawn from outside. */
class World {
  readonly members: Member[]
  readonly #texts: readonly string[]
  letters: Letter[] = []
  /** Every cluster that was ever written. */
  readonly founded = new Set<string>()
  /** Disks that were replaced when there was a cluster. */
  replacedAfter = 0
  #disks = 0

  /** `texts`: what each of them names, as the canonical text. */
  constructor(texts: readonly string[]) {
    this.#texts = texts
    this.members = texts.map((_, index) => ({
      id: index + 1,
      disk: this.#newDisk(),
      up: false,
      start: 0,
      round: undefined,
      rounds: 0,
      writes: [],
    }))
  }

  get clusters(): Set<string> {
    return new Set(this.members.flatMap(({ disk: { clusterId } }) => clusterId ?? []))
  }

  /** One of the events that can happen now, chosen by two numbers. */
  step(kind: number, which: number): void {
    const member = this.members[which % this.members.length]!
    const letter = this.letters.length === 0 ? undefined : this.letters[which % Math.min(this.letters.length, 8)]!
    switch (kind) {
      case 0:
        return this.#crash(member)
      case 1:
        return this.#replace(member)
      case 2:
        return this.#start(member)
      case 3:
        // Lost: the asker learns it when its time is up.
        if (letter !== undefined) this.#lose(letter)
        return
      case 4:
        if (letter !== undefined) this.#deliver(letter)
        return
      case 5:
      case 6:
        return member.writes.shift()?.()
      default:
        if (letter === undefined) return this.#start(member)
        this.letters = this.letters.filter((each) => each !== letter)
        this.#deliver(letter)
    }
  }

  /** No more faults: everybody is up, everything arrives. */
  calm(): void {
    for (const member of this.members) this.#start(member)
    for (let steps = 0; steps < 2000; steps++) {
      if (this.members.every(({ disk }) => disk.clusterId !== undefined)) return
      for (const { writes } of this.members) writes.shift()?.()
      const letter = this.letters.shift()
      if (letter !== undefined) this.#deliver(letter)
    }
  }

  #newDisk(): Disk {
    return { directoryId: `disk${this.#disks++}`, clusterId: undefined, snapshot: undefined }
  }

  #crash(member: Member): void {
    if (!member.up) return
    member.up = false
    member.round = undefined
    member.writes = []
    for (const letter of this.letters.filter(({ to }) => to === member.id)) this.#lose(letter)
  }

  /** Takes longer than anybody waits for an answer: until then every round has come to its end. */
  #replace(member: Member): void {
    this.#crash(member)
    if (this.founded.size > 0) this.replacedAfter++
    for (const letter of [...this.letters]) this.#lose(letter)
    member.disk = this.#newDisk()
  }

  #start(member: Member): void {
    if (member.up) return
    member.up = true
    member.start++
    if (member.disk.clusterId !== undefined) return
    member.disk.snapshot = undefined
    this.#ask(member)
  }

  #ask(member: Member): void {
    member.round = new Map()
    member.rounds++
    for (const { id } of this.members) {
      this.letters.push({ from: member.id, start: member.start, round: member.rounds, to: id, answer: undefined })
    }
  }

  #lose(letter: Letter): void {
    this.letters = this.letters.filter((each) => each !== letter)
    this.#take(letter, { failure: 'lost' })
  }

  #deliver(letter: Letter): void {
    if (letter.answer !== undefined) return this.#take(letter, letter.answer)
    const asked = this.members[letter.to - 1]!
    if (!asked.up) return this.#take(letter, { failure: 'refused' })
    this.letters.push({ ...letter, answer: this.#answerOf(asked) })
  }

  #answerOf({ id, disk, writes }: Member): Asked['came'] {
    if (writes.length > 0) return { failure: 'it writes' }
    const { directoryId, clusterId, snapshot = [] } = disk
    const named = this.#texts[id - 1]!
    return { id, directoryId, endpoints: [], named, clusterId, formattedFor: undefined, foundingVoters: snapshot }
  }

  #take({ from, start, round: number, to }: Letter, came: Asked['came']): void {
    const asker = this.members[from - 1]!
    if (!asker.up || asker.start !== start || asker.rounds !== number || asker.round === undefined) return
    if (!asker.round.has(to)) asker.round.set(to, came)
    if (asker.round.size < this.members.length) return
    const asked = [...asker.round].map(([id, each]) => ({ whom: { id, host: 'h', port: id }, came: each }))
    const { id, disk } = asker
    const me = { id, directoryId: disk.directoryId, named: this.#texts[id - 1]!, isController: true }
    const decision = decideFounding({ ...me, formattedFor: undefined }, asked)
    assert.notEqual(decision.is, 'end')
    asker.round = undefined
    if (decision.is === 'wait' || decision.is === 'end') return this.#ask(asker)
    const { voters } = decision
    const clusterId = decision.clusterId ?? `cluster of ${disk.directoryId}, start ${start}`
    if (voters !== undefined) asker.writes.push(() => (disk.snapshot = voters))
    asker.writes.push(() => {
      disk.clusterId = clusterId
      if (decision.is === 'found') this.founded.add(clusterId)
    })
  }
}

const events = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom(0, 1, 3, 4) },
      { weight: 16, arbitrary: fc.constantFrom(2, 5, 6, 7, 7, 7, 7) },
    ),
    fc.nat(1000),
  ),
  { minLength: 60, maxLength: 300 },
)

test('never two clusters of one list, and one when everybody is there: under crashes, replaced disks, messages that are lost, late or doubled', () => {
  let founded = 0
  let replacedAfter = 0
  const property = fc.property(fc.integer({ min: 2, max: 5 }), events, (count, drawn) => {
    const world = new World(Array.from({ length: count }, () => 'the same'))
    for (const [kind, which] of drawn) {
      world.step(kind, which)
      assert.ok(world.clusters.size <= 1, `clusters ${[...world.clusters].join(' and ')}`)
    }
    if (world.founded.size > 0) founded++
    if (world.replacedAfter > 0) replacedAfter++
    world.calm()
    assert.equal(world.clusters.size, 1)
    assert.ok(world.members.every(({ disk }) => disk.clusterId !== undefined))
    const [cluster] = world.clusters
    for (const { disk } of world.members) {
      if (disk.snapshot === undefined) continue
      const { directoryId } = disk
      assert.ok(
        disk.snapshot.some((voter) => voter.directoryId === directoryId),
        `in ${cluster}, a disk that was replaced`,
      )
    }
  })
  fc.assert(property, { numRuns: 2500 })
  assert.ok(founded > 200, `a cluster began during the faults in ${founded} runs`)
  assert.ok(replacedAfter > 100, `a disk was replaced after that in ${replacedAfter} runs`)
})

test('where the lists differ nothing is founded by those that see it', () => {
  const property = fc.property(events, (drawn) => {
    const world = new World(['one', 'one', 'another'])
    for (const [kind, which] of drawn) world.step(kind, which)
    world.calm()
    assert.equal(world.founded.size, 0)
  })
  fc.assert(property, { numRuns: 200 })
})
