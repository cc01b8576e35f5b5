import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Prng } from '../../src/base/prng.js'
import { DigestState } from '../../src/log/digest-state.js'
import { compareDigests, type DigestPoint, ReplicaDigest } from '../../src/log/replica-digest.js'
import { parsedValue, reasonOf } from './parsed.js'

interface Batch {
  readonly leaderEpoch: number
  readonly baseOffset: number
  readonly nextOffset: number
  readonly crc: number
}

const UNBOUNDED = { recentPoints: 10_000, epochs: 10_000 }

function feed(digest: ReplicaDigest, batches: readonly Batch[]): ReplicaDigest {
  for (const { leaderEpoch, baseOffset, nextOffset, crc } of batches) {
    digest.append(leaderEpoch, baseOffset, nextOffset, crc)
  }
  return digest
}

/** A log whose batches follow each other; each is a leader epoch, a number of offsets and a CRC. */
function logOf(...shapes: [epoch: number, count: number, crc: number][]): Batch[] {
  let offset = 0
  return shapes.map(([leaderEpoch, count, crc]) => {
    const baseOffset = offset
    offset += count
    return { leaderEpoch, baseOffset, nextOffset: offset, crc }
  })
}

const command = fc.record({
  kind: fc.constantFrom('append', 'append', 'append', 'append', 'append', 'append', 'cut', 'elect', 'reload'),
  count: fc.integer({ min: 1, max: 5 }),
  gap: fc.constantFrom(0, 0, 0, 3),
  crc: fc.nat({ max: 3 }).map((value) => value * 0x5555_5555),
  back: fc.nat({ max: 12 }),
})

test('cut, read from a checkpoint and fed again as it says, a digest is that of the log that is left', () => {
  let exact = 0
  fc.assert(
    fc.property(fc.constantFrom(3, 1000), fc.array(command, { maxLength: 100, size: 'max' }), (epochs, commands) => {
      const limits = { recentPoints: 5, epochs }
      let digest = new ReplicaDigest(limits)
      let log: Batch[] = []
      let checkpoint = digest.toText()
      let leaderEpoch = 0
      let logEnd = 0
      const restore = (): void => {
        const from = digest.truncateTo(logEnd)
        assert.ok(from <= logEnd)
        assert.ok(log.every((batch) => batch.nextOffset <= from || batch.baseOffset >= from))
        for (const batch of log.filter((each) => each.baseOffset >= from)) feed(digest, [batch])
      }
      for (const { kind, count, gap, crc, back } of commands) {
        if (kind === 'append') {
          const batch = { leaderEpoch, baseOffset: logEnd + gap, nextOffset: logEnd + gap + count, crc }
          assert.equal(digest.append(leaderEpoch, batch.baseOffset, batch.nextOffset, crc), true)
          log.push(batch)
          logEnd = batch.nextOffset
        } else if (kind === 'elect') {
          leaderEpoch++
          checkpoint = digest.toText()
        } else if (kind === 'cut') {
          log = log.slice(0, Math.max(0, log.length - back))
          logEnd = log.at(-1)?.nextOffset ?? 0
          // Where a checkpoint is ahead of a log that was cut, a crash must not bring it back.
          checkpoint = new ReplicaDigest(limits).toText()
          restore()
          if (back > 0) leaderEpoch++
        } else {
          digest = parsedValue(ReplicaDigest.fromText(checkpoint, limits))
          if (digest.endOffset === 0) feed(digest, log)
          restore()
        }
        // Cut back to an epoch that is no longer known, it begins in the middle and says so.
        const start = digest.points()[0]?.startOffset ?? logEnd
        if (epochs === 1000) assert.equal(start, log[0]?.baseOffset ?? logEnd)
        const fresh = feed(
          new ReplicaDigest(UNBOUNDED),
          log.filter((batch) => batch.baseOffset >= start),
        )
        assert.deepEqual(digest.current, fresh.current)
        if (fresh.current !== undefined) assert.equal(digest.endOffset, logEnd)
        assert.ok(digest.points().length <= limits.epochs)
        for (const point of digest.points()) assert.deepEqual(point, fresh.ofEpoch(point.leaderEpoch))
        for (const { nextOffset } of log) {
          const point = digest.at(nextOffset)
          if (point !== undefined) assert.deepEqual(point, fresh.at(nextOffset))
          if (point !== undefined) exact++
          assert.equal(digest.at(nextOffset - 0.5), undefined)
        }
      }
    }),
    { seed: 12, numRuns: 300 },
  )
  assert.ok(exact > 10_000, `only ${exact} points were compared`)
})

test('the most recent ends of batches are answered, older ones are not', () => {
  const digest = new ReplicaDigest({ recentPoints: 100, epochs: 2 })
  const fresh = new ReplicaDigest(UNBOUNDED)
  for (let at = 0; at < 1000; at++) {
    for (const each of [digest, fresh]) each.append(0, 2 * at, 2 * at + 2, at)
  }
  for (let end = 0; end <= 2002; end++) {
    const isKept = end > 1800 && end <= 2000 && end % 2 === 0
    assert.deepEqual(digest.at(end), isKept ? fresh.at(end) : undefined)
  }
})

test('a batch more, less, changed, moved, swapped or of another epoch makes another digest', () => {
  const random = new Prng('digest')
  const digests = new Map<string, string>()
  const note = (what: string, log: readonly Batch[]): void => {
    const { high, low } = feed(new ReplicaDigest(), log).current!
    const key = `${high}/${low}`
    assert.equal(digests.get(key), undefined, `${what} is as ${digests.get(key)}`)
    digests.set(key, what)
  }
  const shapes = Array.from({ length: 40 }, (): [number, number, number] => [3, 1, random.uint32()])
  const log = logOf(...shapes)
  note('the log', log)
  log.forEach((batch, at) => {
    if (at > 0) note(`up to ${at}`, log.slice(0, at))
    if (at > 0) note(`from ${at}`, log.slice(at))
    if (at > 0 && at < log.length - 1) note(`without ${at}`, log.toSpliced(at, 1))
    for (let bit = 0; bit < 32; bit++) {
      note(`bit ${bit} of ${at}`, log.with(at, { ...batch, crc: (batch.crc ^ (1 << bit)) >>> 0 }))
    }
    for (const next of log.slice(at + 1)) {
      const swapped = log.with(at, { ...batch, crc: next.crc })
      note(
        `swapped ${batch.baseOffset} and ${next.baseOffset}`,
        swapped.with(next.baseOffset, { ...next, crc: batch.crc }),
      )
    }
    const later = log
      .slice(at)
      .map((each) => ({ ...each, baseOffset: each.baseOffset + 1, nextOffset: each.nextOffset + 1 }))
    note(`one offset later from ${at}`, [...log.slice(0, at), ...later])
    const far = later.map((each) => ({
      ...each,
      baseOffset: each.baseOffset + 2 ** 32,
      nextOffset: each.nextOffset + 2 ** 32,
    }))
    note(`2^32 later from ${at}`, [...log.slice(0, at), ...far])
  })
  note(
    'another epoch',
    log.map((batch) => ({ ...batch, leaderEpoch: 4 })),
  )
  assert.ok(digests.size > 2000)
})

test('each bit of a batch changes each bit of the digest about half of the time', () => {
  const random = new Prng('avalanche')
  const rounds = 2000
  const crcBits = 32
  const offsetBits = 52
  const flips = new Float64Array((crcBits + offsetBits) * 64)
  const a = new DigestState()
  const b = new DigestState()
  for (let round = 0; round < rounds; round++) {
    const crc = random.uint32()
    const offset = random.uint32() * 2 ** 20 + random.below(2 ** 20)
    const high = random.uint32()
    const low = random.uint32()
    for (let bit = 0; bit < crcBits + offsetBits; bit++) {
      const power = 2 ** (bit - crcBits)
      const isSet = Math.floor(offset / power) % 2 === 1
      a.high = b.high = high
      a.low = b.low = low
      a.add(offset, crc)
      if (bit < crcBits) b.add(offset, (crc ^ (1 << bit)) >>> 0)
      else b.add(isSet ? offset - power : offset + power, crc)
      for (let out = 0; out < 32; out++) {
        flips[64 * bit + out]! += ((a.high ^ b.high) >>> out) & 1
        flips[64 * bit + 32 + out]! += ((a.low ^ b.low) >>> out) & 1
      }
    }
  }
  // Six standard deviations of a fair coin: once in half a billion, over some 5,000 counts.
  const tolerance = 3 * Math.sqrt(rounds)
  flips.forEach((count, at) => {
    const what = `input bit ${at >> 6}, output bit ${at & 63}`
    assert.ok(Math.abs(count - rounds / 2) < tolerance, `${what}: ${count} of ${rounds}`)
  })
})

test('the values are part of what replicas tell each other, and must not change', () => {
  const log = logOf([0, 1, 0], [0, 3, 0xffff_ffff], [5, 2, 0x1234_5678])
  log.push({ leaderEpoch: 2 ** 31 - 1, baseOffset: 2 ** 52, nextOffset: 2 ** 52 + 1, crc: 1 })
  assert.equal(feed(new ReplicaDigest(), log).toText(), PINNED)
})

const PINNED = [
  '0',
  '3',
  '0 0 4 f0f763b83b86a704',
  '5 4 6 57310168e2f12db8',
  '2147483647 4503599627370496 4503599627370497 76784ccd8d464f57',
  '',
].join('\n')

test('replicas that started apart say so, until one adopts the digest of the other', () => {
  const log = logOf([7, 2, 11], [7, 2, 12], [7, 2, 13])
  const leader = feed(new ReplicaDigest(), log)
  const late = feed(new ReplicaDigest(), log.slice(1))
  assert.equal(compareDigests(leader.current!, late.current!), 'not comparable')
  assert.equal(late.adopt({ ...leader.current!, endOffset: 4 }), false)
  assert.equal(late.adopt({ ...leader.current!, leaderEpoch: 8 }), false)
  assert.equal(compareDigests(leader.current!, late.current!), 'not comparable')
  assert.equal(late.adopt(leader.current!), true)
  assert.equal(late.at(4), undefined)
  for (const each of [leader, late]) each.append(7, 6, 9, 14)
  assert.equal(compareDigests(leader.current!, late.current!), 'same')
  assert.equal(compareDigests(leader.current!, late.at(6)!), 'not comparable')
  leader.append(7, 9, 10, 1)
  late.append(7, 9, 10, 2)
  assert.equal(compareDigests(leader.current!, late.current!), 'different')
  const point = leader.current!
  assert.equal(compareDigests(point, { ...point, high: point.high ^ 1 }), 'different')
  assert.equal(compareDigests(point, { ...point, low: point.low ^ 1 }), 'different')
})

test('a batch that does not go on where the digest was starts it over', () => {
  const digest = feed(new ReplicaDigest(), logOf([2, 5, 1], [3, 5, 2]))
  assert.equal(digest.append(3, 8, 12, 5), false)
  assert.deepEqual(
    digest.points(),
    feed(new ReplicaDigest(), [{ leaderEpoch: 3, baseOffset: 8, nextOffset: 12, crc: 5 }]).points(),
  )
  assert.equal(digest.append(2, 12, 13, 6), false)
  assert.equal(digest.current?.startOffset, 12)
  assert.equal(digest.append(-1, 13, 14, 6), false)
  assert.equal(digest.current, undefined)
  assert.equal(digest.append(-1, 14, 15, 6), false)
  assert.equal(digest.truncateTo(15), 15)
})

test('a checkpoint that is not what was written is refused', () => {
  const read = (text: string) => ReplicaDigest.fromText(text)
  const point = '3 10 20 0123456789abcdef'
  assert.deepEqual(parsedValue(read(`0\n1\n${point}\n`)).current, {
    leaderEpoch: 3,
    startOffset: 10,
    endOffset: 20,
    high: 0x0123_4567,
    low: 0x89ab_cdef,
  } satisfies DigestPoint)
  assert.equal(parsedValue(read('')).current, undefined)
  for (const line of [
    '3 10 20',
    '3 10 20 0123',
    '3 20 20 0123456789abcdef',
    '-3 10 20 0123456789abcdef',
    '3 10 20 0123456789abcdef 1',
    'x 10 20 0123456789abcdef',
    '3 x 20 0123456789abcdef',
    '3 10 x 0123456789abcdef',
    '3 10 20 0123456789ABCDEF',
  ]) {
    assert.match(reasonOf(read(`0\n1\n${line}\n`)), /is no digest/)
  }
  assert.match(reasonOf(read(`0\n2\n${point}\n3 20 30 0123456789abcdef\n`)), /does not come after/)
  assert.match(reasonOf(read(`0\n2\n${point}\n4 19 30 0123456789abcdef\n`)), /does not come after/)
  assert.match(reasonOf(read(`0\n2\n${point}\n`)), /announces/)
})

test('of more epochs than the limit the newest are kept, through a checkpoint too', () => {
  const log = Array.from({ length: 10 }, (_, at): [number, number, number] => [at, 1, at])
  const digest = feed(new ReplicaDigest({ recentPoints: 100, epochs: 4 }), logOf(...log))
  assert.deepEqual(
    digest.points().map((point) => point.leaderEpoch),
    [6, 7, 8, 9],
  )
  assert.equal(digest.at(6), undefined)
  assert.equal(digest.at(7)?.leaderEpoch, 6)
  const whole = feed(new ReplicaDigest(UNBOUNDED), logOf(...log))
  const again = parsedValue(ReplicaDigest.fromText(whole.toText(), { recentPoints: 2, epochs: 3 }))
  assert.deepEqual(again.points(), whole.points().slice(-3))
  const shortMemory = feed(new ReplicaDigest({ recentPoints: 1, epochs: 4 }), logOf(...log))
  assert.deepEqual(shortMemory.at(8), whole.at(8))
  const alone = feed(new ReplicaDigest({ recentPoints: 1, epochs: 1 }), logOf(...log))
  assert.deepEqual(alone.points(), whole.points().slice(-1))
  assert.equal(alone.truncateTo(9), 9)
  assert.deepEqual(alone.points(), [])
})
