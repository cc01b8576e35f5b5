/** What a broker knows of the cluster when it has passed the barrier, and who waits for whom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ControllerChannel } from '../../src/broker/controller/controller-channel.js'
import { MetadataBarrier } from '../../src/broker/metadata-barrier.js'
import { FakeClock } from '../fake-clock.js'

interface Scene {
  readonly clock: FakeClock
  readonly barrier: MetadataBarrier
  /** Questions that were asked of the controller, each to be answered with the end of its log; undefined: in vain. */
  readonly asked: ((endOffset: number | undefined) => void)[]
  /** Up to there metadata is to be applied, and what goes on then. */
  readonly awaited: { readonly endOffset: number; readonly go: (isApplied: boolean) => void }[]
  /** Who was told what. */
  readonly told: string[]
  readonly pass: (name: string) => void
}

function scene(): Scene {
  const asked: Scene['asked'][number][] = []
  const awaited: Scene['awaited'][number][] = []
  const told: string[] = []
  const send = (api: string, request: object, _: object, timeoutMs: number, done: (answer: unknown) => void): void => {
    assert.deepEqual([api, request, timeoutMs], ['ListPartitionReassignments', { timeoutMs: 700, topics: [] }, 700])
    asked.push((endOffset) => done(endOffset === undefined ? undefined : { reply: {}, endOffset }))
  }
  const clock = new FakeClock()
  const barrier = new MetadataBarrier({
    clock,
    nodeId: 1,
    channel: { send } as unknown as ControllerChannel,
    whenApplied: (endOffset, go) => awaited.push({ endOffset, go }),
  })
  const pass = (name: string): void => barrier.pass(700, (isPassed) => told.push(`${name} ${isPassed}`))
  return { clock, barrier, asked, awaited, told, pass }
}

test('it is passed when all has been applied of which the controller has told', () => {
  const { asked, awaited, told, pass } = scene()
  pass('a')
  assert.equal(asked.length, 1)
  asked[0]!(70)
  assert.deepEqual([told, awaited.map(({ endOffset }) => endOffset)], [[], [70]])
  awaited[0]!.go(true)
  assert.deepEqual(told, ['a true'])
})

test('who comes while a question is under way waits for the next one, together with others', () => {
  const { asked, awaited, told, pass } = scene()
  for (const name of ['a', 'b', 'c']) pass(name)
  assert.equal(asked.length, 1)
  asked[0]!(70)
  pass('d')
  awaited[0]!.go(true)
  assert.deepEqual([told, asked.length], [['a true'], 2])
  asked[1]!(71)
  awaited[1]!.go(true)
  assert.deepEqual([told, asked.length], [['a true', 'b true', 'c true', 'd true'], 2])
})

test('it is not passed without an answer, with one that does not say where the log ends, and where that is not reached', () => {
  const { asked, awaited, told, pass } = scene()
  for (const [answer, isApplied] of [[undefined], [-1], [70, false]] as const) {
    pass(`${answer}`)
    asked.shift()!(answer)
    if (isApplied !== undefined) awaited.shift()!.go(isApplied)
  }
  assert.deepEqual(told, ['undefined false', '-1 false', '70 false'])
  pass('again')
  asked.shift()!(80)
  awaited.shift()!.go(true)
  assert.equal(told.at(-1), 'again true')
})

test('who waits is told in time that it is not passed, and what comes late is no answer to others', () => {
  const { clock, asked, awaited, told, pass } = scene()
  pass('a')
  asked[0]!(70)
  clock.advance(699)
  assert.deepEqual(told, [])
  clock.advance(1)
  assert.deepEqual(told, ['a false'])
  pass('b')
  awaited[0]!.go(true)
  assert.deepEqual(told, ['a false'])
  asked[1]!(71)
  awaited[1]!.go(true)
  assert.deepEqual(told, ['a false', 'b true'])
})
