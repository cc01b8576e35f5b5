/**
 * Target `log`: a log is written on a simulated disk and left in order, by a crash or by a power loss; then files are damaged. Opening gives a prefix of
 * what was appended, never less than the recovery point promises if only what lies behind it was damaged, or refuses with a
 * sentence; and never a record that nobody wrote.
 */
import assert from 'node:assert/strict'
import type { Prng } from '../../src/base/prng.js'
import { Prng as Generator } from '../../src/base/prng.js'
import { BatchIterator } from '../../src/records/reader.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'
import { withTraps } from '../../src/sim/traps.js'
import { parseOffsetCheckpoint } from '../../src/storage/offset-checkpoint.js'
import { LOG_OPTIONS } from '../log-options.js'
import { contentOf, type Damage, damage, filesBelow } from './damage.js'
import { type AppendedBatch, DATA_DIRECTORY, LOG_DIRECTORY, LogSession, type SessionOptions } from './log-session.js'
import { randomBatch } from './record-batches.js'
import { ACCEPTED, type Outcome, REJECTED, type Target } from './target.js'

interface LogInput {
  readonly seed: string
  /** What was damaged; known when it has been run. */
  readonly damages: Damage[]
}

export const log: Target<LogInput> = { name: 'log', floor: 0.4, draw, bytesOf, run }

/** What is only there to spare recovery the reading. */
const DERIVED = /\.(index|timeindex|snapshot)$|\/t-0\/[a-z-]+-checkpoint$/
const RECOVERY_POINTS = `${DATA_DIRECTORY}/recovery-point-offset-checkpoint`

function draw(random: Prng): LogInput {
  return { seed: String(random.uint32()), damages: [] }
}

/** The seed, a line, and the damaged files: path, length, content. */
function bytesOf({ seed, damages }: LogInput): Uint8Array {
  const files = damages.flatMap(({ path, after }) => [
    Buffer.from(`${path} ${after?.length ?? 'gone'}\n`),
    after ?? Buffer.alloc(0),
  ])
  return Buffer.concat([Buffer.from(`${seed}\n`), ...files])
}

function run(input: LogInput): Outcome {
  return withTraps(() => new LogCase(input).run())
}

class LogCase {
  readonly #damages: Damage[]
  readonly #random: Generator
  readonly #simulation: Simulation
  readonly #machine: Machine
  readonly #options: SessionOptions
  readonly #appended: AppendedBatch[] = []
  #leaderEpoch: number

  constructor({ seed, damages }: LogInput) {
    this.#damages = damages
    this.#random = new Generator(`log case ${seed}`)
    this.#simulation = new Simulation(seed)
    this.#machine = new Machine(this.#simulation, new SimulatedNetwork(this.#simulation), 'storage')
    this.#leaderEpoch = this.#random.below(5)
    this.#options = {
      log: {
        ...LOG_OPTIONS,
        segmentBytes: this.#random.pick([1024, 4096, 20_000]),
        indexBytes: this.#random.pick([64, 1024]),
        indexIntervalBytes: this.#random.pick([64, 256, 2000]),
        flushPolicy: this.#random.pick(['commit', 'os']),
      },
      checkpointIntervalMs: this.#random.pick([5, 50, 60_000]),
    }
  }

  run(): Outcome {
    let clean = this.#write()
    if (this.#random.chance(0.4)) clean = this.#write()
    const recoveryPoint = this.#recoveryPoint()
    const harmless = this.#damage(recoveryPoint, clean)
    const opened = this.#open()
    if (opened instanceof Error) {
      assert.ok(!harmless, `nothing was damaged that is promised from ${recoveryPoint} down: ${opened.message}`)
      return REJECTED
    }
    const { nextOffset } = opened.log
    const contents = opened.read(this.#random)
    const timestamps = this.#appended.map(({ maxTimestamp }) => maxTimestamp)
    opened.lookUp(this.#random, [0, ...timestamps.slice(0, 5), 2 ** 52])
    const known = new Set(this.#appended.map(({ content }) => content.toString('latin1')))
    for (const { content, baseOffset } of contents.batches) {
      assert.ok(known.has(content.toString('latin1')), `nobody wrote what stands at offset ${baseOffset}`)
    }
    if (!harmless) return contents.batches.length > 0 ? ACCEPTED : REJECTED
    assert.ok(nextOffset >= recoveryPoint, `ends at ${nextOffset}, and was flushed up to ${recoveryPoint}`)
    assert.ok(contents.complete, `cannot be read up to its end at ${nextOffset}`)
    const kept = contents.batches.map(({ content }) => content)
    this.#isPartOf(kept)
    this.#goesOn(opened, kept)
    return kept.length > 0 ? ACCEPTED : REJECTED
  }

  #open(): LogSession | Error {
    return LogSession.open(this.#simulation, this.#machine, this.#options)
  }

  /** Opens what must be in order, appends, and leaves. True: in order. */
  #write(): boolean {
    const random = this.#random
    const session = this.#open()
    if (session instanceof Error) throw session
    // What a power loss has taken is as if it had never been.
    while ((this.#appended.at(-1)?.nextOffset ?? 0) > session.log.nextOffset) this.#appended.pop()
    for (let batches = random.below(40); batches > 0; batches--) {
      this.#append(session)
      if (random.chance(0.3)) session.pass(random.exponential(10))
    }
    if (random.chance(0.5)) session.flush()
    switch (random.below(3)) {
      case 0:
        session.closeClean()
        return true
      case 1:
        this.#machine.crash()
        return false
      default:
        this.#machine.losePower()
        return false
    }
  }

  #append(session: LogSession): void {
    if (this.#random.chance(0.1)) this.#leaderEpoch += this.#random.between(1, 3)
    this.#appended.push(session.append(randomBatch(this.#random, { baseOffset: 0 }), this.#leaderEpoch))
  }

  #recoveryPoint(): number {
    const entries = parseOffsetCheckpoint(contentOf(this.#machine.device, RECOVERY_POINTS).toString('utf8'))
    return entries?.find(({ topic }) => topic === 't')?.offset ?? 0
  }

  /**
   * True: nothing but files that can be made again from the segments, or bytes of segments behind the recovery point, after a stop that was
   * not clean.
   */
  #damage(recoveryPoint: number, clean: boolean): boolean {
    const random = this.#random
    const { device } = this.#machine
    const files = filesBelow(device, DATA_DIRECTORY)
    const segments = files.filter((path) => path.endsWith('.log'))
    const derived = files.filter((path) => DERIVED.test(path))
    const harmless = random.chance(0.5)
    for (let count = random.pick([0, 1, 1, 2, 4]); count > 0; count--) {
      if (harmless && (clean || random.chance(0.4))) {
        this.#damageOne(random.pick(derived), undefined)
      } else if (harmless) {
        const path = random.pick(segments)
        const from = path === undefined ? undefined : this.#positionOf(path, recoveryPoint)
        if (from !== undefined) this.#damageOne(path, from)
      } else this.#damageOne(random.pick(random.chance(0.5) ? segments : files), undefined)
    }
    return harmless
  }

  #damageOne(path: string | undefined, from: number | undefined): void {
    const { device } = this.#machine
    if (path === undefined || device.find(path) === undefined) return
    this.#damages.push(damage(this.#random, device, path, from))
  }

  /** Where in the segment that begins which lies behind the recovery point; undefined if nothing there does. */
  #positionOf(path: string, recoveryPoint: number): number | undefined {
    const content = contentOf(this.#machine.device, path)
    const baseOffset = Number(path.slice(LOG_DIRECTORY.length + 1, -'.log'.length))
    if (baseOffset >= recoveryPoint) return 0
    const batches = new BatchIterator(content)
    while (batches.next() === 'batch') {
      const { end, nextOffset } = batches.batch
      // A segment that was closed there is taken as it is, and nothing may stand behind its end.
      if (nextOffset === recoveryPoint) return this.#hasSegmentAt(recoveryPoint) ? undefined : end
    }
    // All of it lies below.
    return undefined
  }

  #hasSegmentAt(offset: number): boolean {
    return this.#machine.device.find(`${LOG_DIRECTORY}/${String(offset).padStart(20, '0')}.log`) !== undefined
  }

  /** A prefix of what was appended; where bytes were moved, or turned up from before, at least nothing out of order. */
  #isPartOf(kept: readonly Buffer[]): void {
    const strict = this.#damages.every(({ moved }) => !moved)
    let at = 0
    for (const [index, content] of kept.entries()) {
      if (strict)
        assert.ok(this.#appended[at]?.content.equals(content), `batch ${index} is not the one that was appended`)
      while (at < this.#appended.length && !this.#appended[at]!.content.equals(content)) at++
      assert.ok(at < this.#appended.length, `batch ${index} stands before one that was appended earlier`)
      at++
    }
  }

  /** What was repaired is a log like any other. */
  #goesOn(session: LogSession, kept: readonly Buffer[]): void {
    this.#leaderEpoch = Math.max(this.#leaderEpoch, session.log.state.epochs.latestEpoch ?? 0)
    const before = this.#appended.length
    for (let batches = this.#random.between(1, 5); batches > 0; batches--) this.#append(session)
    session.closeClean()
    const again = this.#open()
    if (again instanceof Error) throw again
    const { batches, complete } = again.read(this.#random)
    assert.ok(complete, 'cannot be read to its end after a repair and a clean stop')
    const expected = [...kept, ...this.#appended.slice(before).map(({ content }) => content)]
    assert.equal(batches.length, expected.length, 'batches after a repair and a clean stop')
    for (const [index, { content }] of batches.entries()) assert.ok(content.equals(expected[index]!), `batch ${index}`)
    again.closeClean()
  }
}
