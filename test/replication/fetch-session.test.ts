import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type FetchContext,
  FetchSessions,
  MAX_SESSIONS_OF_CONNECTION,
  MIN_EVICTION_MS,
  type PartitionOutcome,
  type SessionRequest,
} from '../../src/replication/fetch-session.js'

type Wanted = { readonly offset: number }
type Sessions = FetchSessions<Wanted>

const NOTHING: PartitionOutcome = {
  errorCode: 0,
  highWatermark: 5,
  logStartOffset: 0,
  recordsBytes: 0,
  mustKnow: false,
}

function sessionsOf(maxSessions = 10, maxPartitions?: number): Sessions {
  let next = 100
  return new FetchSessions({
    maxSessions,
    randomId: () => next++,
    ...(maxPartitions === undefined ? {} : { maxPartitions }),
  })
}

function partitionsOf(...numbers: number[]) {
  return numbers.map((partition) => ({ topic: 't', topicId: '', partition, wanted: { offset: 0 } }))
}

function request(options: Partial<SessionRequest<Wanted>> = {}): SessionRequest<Wanted> {
  return {
    sessionId: 0,
    sessionEpoch: 0,
    usesTopicIds: false,
    privileged: false,
    principal: 'User:me',
    connection: {},
    partitions: [],
    forgotten: [],
    ...options,
  }
}

function contextOf(sessions: Sessions, options: Partial<SessionRequest<Wanted>>, nowMs = 0): FetchContext<Wanted> {
  const context = sessions.begin(request(options), nowMs)
  assert.ok(typeof context !== 'string', `${context}`)
  return context
}

/** Fetches with nothing to say; returns the session's id and how many partitions are answered. */
function fetch(
  sessions: Sessions,
  options: Partial<SessionRequest<Wanted>>,
  nowMs = 0,
): [id: number, answered: number] {
  const context = contextOf(sessions, options, nowMs)
  const { error, sessionId, answered } = context.finish(
    context.partitions.map(() => NOTHING),
    nowMs,
  )
  assert.equal(error, undefined)
  return [sessionId, answered.length]
}

/** A session of so many partitions; 0: none was given. */
function begin(sessions: Sessions, count: number, nowMs = 0, options: Partial<SessionRequest<Wanted>> = {}): number {
  const partitions = partitionsOf(...Array.from({ length: count }, (_, n) => n))
  return fetch(sessions, { partitions, ...options }, nowMs)[0]
}

test('a full fetch begins a session, the next ones bear its epochs and are answered only what is new', () => {
  const sessions = sessionsOf()
  const [sessionId, answered] = fetch(sessions, { partitions: partitionsOf(0, 1) })
  assert.deepEqual([sessionId, answered], [100, 2])
  assert.deepEqual(fetch(sessions, { sessionId, sessionEpoch: 1 }), [100, 0])
  assert.equal(sessions.begin(request({ sessionId, sessionEpoch: 1 }), 0), 'INVALID_FETCH_SESSION_EPOCH')
  assert.equal(sessions.begin(request({ sessionId, sessionEpoch: 3 }), 0), 'INVALID_FETCH_SESSION_EPOCH')
  assert.deepEqual(fetch(sessions, { sessionId, sessionEpoch: 2, partitions: partitionsOf(7) }), [100, 1])
  assert.deepEqual([sessions.size, sessions.partitions, sessions.incrementalFetches], [1, 3, 2])
})

test('who goes on with a session has got the answer before, which is told by its number among all', () => {
  const sessions = sessionsOf(2)
  const full = contextOf(sessions, { partitions: partitionsOf(0) })
  assert.deepEqual([full.after, sessions.answers], [-1, 0])
  full.finish([NOTHING], 0)
  assert.deepEqual([begin(sessions, 1), sessions.answers], [101, 2])
  const first = contextOf(sessions, { sessionId: 100, sessionEpoch: 1 })
  assert.equal(first.after, 1)
  const overtakes = contextOf(sessions, { sessionId: 100, sessionEpoch: 2 })
  assert.equal(overtakes.after, 1)
  assert.equal(first.finish([NOTHING], 0).error, 'INVALID_FETCH_SESSION_EPOCH')
  overtakes.finish([NOTHING], 0)
  assert.equal(sessions.answers, 3, 'a refusal is no answer')
  assert.equal(contextOf(sessions, { sessionId: 100, sessionEpoch: 3 }).after, 3)
  assert.equal(contextOf(sessions, { sessionId: 101, sessionEpoch: 1 }).after, 2)
  begin(sessions, 1)
  assert.equal(sessions.answers, 3, 'without a session nobody goes on')
})

test('a full fetch goes on where there is room for a session', () => {
  const sessions = sessionsOf(1)
  assert.equal(contextOf(sessions, { partitions: partitionsOf(0) }).goesOn, true)
  begin(sessions, 1)
  assert.equal(contextOf(sessions, { partitions: partitionsOf(0) }).goesOn, false)
  assert.equal(contextOf(sessions, { sessionId: 100, sessionEpoch: 1 }).goesOn, true)
  assert.equal(contextOf(sessions, { sessionEpoch: -1, partitions: partitionsOf(0) }).goesOn, false)
  assert.equal(contextOf(sessionsOf(0), { partitions: partitionsOf(0) }).goesOn, false)
})

test('what comes with the news that logs part is told again: a follower makes nothing of it', () => {
  const sessions = sessionsOf()
  const parts = { ...NOTHING, mustKnow: true }
  const ask = (options: Partial<SessionRequest<Wanted>>, outcome: PartitionOutcome): readonly number[] =>
    contextOf(sessions, options).finish([outcome], 0).answered
  const isNews = (sessionEpoch: number): boolean | undefined =>
    contextOf(sessions, { sessionId: 100, sessionEpoch }).isNews(0, NOTHING)
  assert.deepEqual(ask({ partitions: partitionsOf(0) }, parts), [0])
  assert.equal(isNews(1), true)
  assert.deepEqual(ask({ sessionId: 100, sessionEpoch: 2 }, parts), [0])
  assert.deepEqual(ask({ sessionId: 100, sessionEpoch: 3 }, NOTHING), [0])
  assert.equal(isNews(4), false)
  assert.deepEqual(ask({ sessionId: 100, sessionEpoch: 5 }, NOTHING), [])
})

test('who is not known: no such session, another principal, topics by id instead of by name', () => {
  const sessions = sessionsOf()
  const sessionId = begin(sessions, 1)
  for (const [options, error] of [
    [{ sessionId: 0 }, 'FETCH_SESSION_ID_NOT_FOUND'],
    [{ sessionId: 5 }, 'FETCH_SESSION_ID_NOT_FOUND'],
    [{ principal: 'User:you' }, 'FETCH_SESSION_ID_NOT_FOUND'],
    [{ usesTopicIds: true }, 'FETCH_SESSION_TOPIC_ID_ERROR'],
    [{ sessionEpoch: -2 }, 'INVALID_FETCH_SESSION_EPOCH'],
  ] as const) {
    assert.equal(sessions.begin(request({ sessionId, sessionEpoch: 1, ...options }), 0), error)
  }
  // Nor can a stranger end it.
  fetch(sessions, { sessionId, sessionEpoch: -1, principal: 'User:you' })
  assert.equal(sessions.size, 1)
})

test('a session ends with a full fetch that names it, and when nothing is left in it', () => {
  const sessions = sessionsOf()
  const first = begin(sessions, 2)
  assert.deepEqual(fetch(sessions, { sessionId: first, sessionEpoch: -1, partitions: partitionsOf(0) }), [0, 1])
  assert.equal(sessions.size, 0)
  const second = begin(sessions, 2)
  const third = begin(sessions, 3, 0, { sessionId: second })
  assert.deepEqual([sessions.size, sessions.partitions], [1, 3])
  const forgotten = partitionsOf(0, 1, 2)
  assert.deepEqual(fetch(sessions, { sessionId: third, sessionEpoch: 1, forgotten }), [0, 0])
  assert.deepEqual([sessions.size, sessions.partitions], [0, 0])
})

test('two fetches of a session at once: the one that was overtaken is told so', () => {
  const sessions = sessionsOf()
  const sessionId = begin(sessions, 1)
  const slow = contextOf(sessions, { sessionId, sessionEpoch: 1 })
  const fast = contextOf(sessions, { sessionId, sessionEpoch: 2 })
  assert.equal(slow.finish([NOTHING], 0).error, 'INVALID_FETCH_SESSION_EPOCH')
  assert.equal(fast.finish([NOTHING], 0).error, undefined)
})

test('what was given goes behind the others', () => {
  const sessions = sessionsOf()
  const sessionId = begin(sessions, 3)
  const order = (epoch: number, given: number): number[] => {
    const context = contextOf(sessions, { sessionId, sessionEpoch: epoch })
    const numbers = context.partitions.map(({ partition }) => partition)
    context.finish(
      numbers.map((number) => ({ ...NOTHING, recordsBytes: number === given ? 10 : 0 })),
      0,
    )
    return numbers
  }
  assert.deepEqual(order(1, 0), [0, 1, 2])
  assert.deepEqual(order(2, 1), [1, 2, 0])
  assert.deepEqual(order(3, -1), [2, 0, 1])
})

test('slots: none for the next while all are young, those of replicas for replicas, larger ones after their time', () => {
  const sessions = sessionsOf(2)
  const [small, large] = [begin(sessions, 1), begin(sessions, 5)]
  assert.notEqual(small * large, 0)
  assert.equal(begin(sessions, 10), 0, 'none has had its time')
  assert.equal(sessions.evictions, 0)
  const replica = begin(sessions, 1, 0, { privileged: true })
  assert.notEqual(replica, 0)
  assert.equal(sessions.begin(request({ sessionId: small, sessionEpoch: 1 }), 0), 'FETCH_SESSION_ID_NOT_FOUND')
  assert.equal(sessions.evictions, 1)
  const lateMs = MIN_EVICTION_MS + 1
  fetch(sessions, { sessionId: replica, sessionEpoch: 1 }, lateMs)
  fetch(sessions, { sessionId: large, sessionEpoch: 1 }, lateMs)
  assert.equal(begin(sessions, 5, lateMs), 0, 'not larger')
  assert.notEqual(begin(sessions, 6, lateMs), 0, 'larger than one that had its time')
  assert.equal(sessions.begin(request({ sessionId: large, sessionEpoch: 2 }), lateMs), 'FETCH_SESSION_ID_NOT_FOUND')
  assert.equal(begin(sessions, 1000, lateMs), 0, 'never in the place of a replica')
  assert.deepEqual(fetch(sessions, { sessionId: replica, sessionEpoch: 2 }, lateMs), [replica, 0])
  // Nobody uses them any more.
  assert.notEqual(begin(sessions, 1, 3 * lateMs), 0)
  assert.equal(begin(sessionsOf(0), 1), 0)
})

test('the partitions of all sessions are bounded, and the sessions of a connection', () => {
  const sessions = sessionsOf(100, 10)
  const sessionId = begin(sessions, 6)
  assert.equal(begin(sessions, 5), 0)
  assert.notEqual(begin(sessions, 4), 0)
  const more = request({ sessionId, sessionEpoch: 1, partitions: partitionsOf(50) })
  assert.equal(sessions.begin(more, 0), 'FETCH_SESSION_ID_NOT_FOUND')
  assert.deepEqual([sessions.size, sessions.partitions], [1, 4])
  const many = sessionsOf(1000)
  const connection = {}
  const ids = Array.from({ length: 3 * MAX_SESSIONS_OF_CONNECTION }, () => begin(many, 1, 0, { connection }))
  assert.equal(many.size, MAX_SESSIONS_OF_CONNECTION)
  assert.notEqual(begin(many, 1), 0)
  assert.deepEqual(fetch(many, { sessionId: ids.at(-1)!, sessionEpoch: 1, connection }), [ids.at(-1), 0])
})

interface Place {
  highWatermark: number
  logStartOffset: number
  errorCode: number
}

/** What a client knows of a partition: with a session it must be what a full fetch would have told. */
test('with any changes at the partitions and of what is fetched, a client in a session knows what a full fetch tells', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), at: fc.nat(5), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('delete' as const), at: fc.nat(5) }),
    fc.record({ kind: fc.constant('error' as const), at: fc.nat(5), code: fc.constantFrom(0, 3, 6) }),
    fc.record({ kind: fc.constant('add' as const), at: fc.nat(5) }),
    fc.record({ kind: fc.constant('forget' as const), at: fc.nat(5) }),
    fc.record({ kind: fc.constant('fetch' as const), budget: fc.nat(4), lost: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), fc.boolean(), (steps, usesTopicIds) => {
      const sessions = sessionsOf(3)
      const places: Place[] = Array.from({ length: 6 }, () => ({ highWatermark: 0, logStartOffset: 0, errorCode: 0 }))
      const nameOf = (partition: number) => ({
        topic: usesTopicIds ? '' : 't',
        topicId: usesTopicIds ? 'id' : '',
        partition,
      })
      /** What the client wants, up to where it has read, and what it was told. */
      const positions = new Map<number, number>()
      const known = new Map<number, Place>()
      /** What the broker was told of it. */
      let told = new Map<number, number>()
      let [sessionId, sessionEpoch] = [0, 0]

      const full = (place: Place): Place =>
        place.errorCode === 0 ? { ...place } : { highWatermark: -1, logStartOffset: -1, errorCode: place.errorCode }

      for (const each of steps) {
        const place = 'at' in each ? places[each.at]! : undefined
        if (each.kind === 'append') place!.highWatermark += each.count
        else if (each.kind === 'delete') place!.logStartOffset = place!.highWatermark
        else if (each.kind === 'error') place!.errorCode = each.code
        else if (each.kind === 'add') positions.set(each.at, positions.get(each.at) ?? 0)
        else if (each.kind === 'forget') positions.delete(each.at)
        else {
          // Only now: what was forgotten and is wanted again in between is not told of, nor told anew.
          for (const partition of [...known.keys()]) if (!positions.has(partition)) known.delete(partition)
          const changed = [...positions].filter(
            ([partition, offset]) => sessionEpoch === 0 || told.get(partition) !== offset,
          )
          const gone = sessionEpoch === 0 ? [] : [...told.keys()].filter((partition) => !positions.has(partition))
          const context = sessions.begin(
            request({
              sessionId,
              sessionEpoch,
              usesTopicIds,
              partitions: changed.map(([partition, offset]) => ({ ...nameOf(partition), wanted: { offset } })),
              forgotten: gone.map(nameOf),
            }),
            0,
          )
          assert.ok(typeof context !== 'string', `${context}`)
          told = new Map(positions)
          const numbers = context.partitions.map(({ partition }) => partition)
          assert.deepEqual(
            [...numbers].sort(),
            [...positions.keys()].sort(),
            'all that is wanted is fetched, nothing else',
          )
          for (const { partition, wanted } of context.partitions) assert.equal(wanted.offset, positions.get(partition))
          let left = each.budget
          const outcomes = context.partitions.map(({ partition, wanted }): PartitionOutcome => {
            const { highWatermark, logStartOffset, errorCode } = full(places[partition]!)
            const recordsBytes = errorCode === 0 ? Math.max(0, Math.min(left, highWatermark - wanted.offset)) : 0
            left -= recordsBytes
            return { errorCode, highWatermark, logStartOffset, recordsBytes, mustKnow: false }
          })
          const answer = context.finish(outcomes, 0)
          assert.equal(answer.error, undefined)
          if (each.lost) {
            // It begins anew.
            sessionEpoch = 0
            sessionId = answer.sessionId
            continue
          }
          for (const index of answer.answered) {
            const { errorCode, highWatermark, logStartOffset, recordsBytes } = outcomes[index]!
            known.set(numbers[index]!, { errorCode, highWatermark, logStartOffset })
            positions.set(numbers[index]!, positions.get(numbers[index]!)! + recordsBytes)
          }
          for (const [index, { recordsBytes }] of outcomes.entries()) {
            if (!answer.answered.includes(index)) assert.equal(recordsBytes, 0, 'no records are kept from it')
          }
          assert.deepEqual(
            new Map([...known].sort(([a], [b]) => a - b)),
            new Map(
              [...positions.keys()].sort((a, b) => a - b).map((partition) => [partition, full(places[partition]!)]),
            ),
          )
          sessionId = answer.sessionId
          sessionEpoch = sessionId === 0 ? 0 : sessionEpoch + 1
          if (sessionId === 0) told = new Map()
        }
      }
    }),
    { numRuns: 500 },
  )
})
