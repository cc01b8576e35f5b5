/**
 * Wall clocks of single nodes, by libfaketime between a process and the system: they jump, and go too fast or too slow. Each node reads from a file of its own what its clock is to say.
 * Clocks that only go forward (of timers) stay right, as they do on a machine whose wall clock is set.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Prng } from '../../src/base/prng.js'
import { ErrorCode } from '../../src/protocol/errors.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import { buildBatch } from '../../src/records/builder.js'
import type { BedNode, TestBed } from '../beds/bed.js'
import { RealTime, until } from '../beds/time.js'
import { type Asked, asking } from './asking.js'
import type { Backend, Fault, FaultContext, Target, Told } from './fault.js'

const BACKEND = 'libfaketime'
const LIBRARIES = '/usr/lib'
/** For programs with threads; Debian and its kin keep it below the name of the machine. */
const LIBRARY = 'libfaketimeMT.so.1'
/** In seconds: how long a node may go on with what it has read before. */
const READ_EVERY = '1'
const SHOWS_LIMIT_MS = 20_000
/** From 3 s, which is certain to show, to about five minutes, as far as Jepsen sets clocks: powers of 1.5, in milliseconds. */
const JUMP_BASE = 1.5
const JUMP_POWERS = { least: 20, most: 31 } as const
/** What may be taken for the time that an answer takes. */
const LEAST_SHOWN_MS = 1_500
/** An answer takes less than that nearly always; it is asked for again. */
const RIGHT_WITHIN_MS = 200
/** It goes on growing. */
const LEAST_DRIFTED_MS = 300
/** Of one try, in which a topic may have to be made. */
const TELLS_LIMIT_MS = 4_000
/** For a node to say what time it is before anything is done. */
const ANSWERS_LIMIT_MS = 5_000
const MOST_DRIFT = 0.5
const LEAST_DRIFT = 0.1
const TARGETS: readonly Target[] = ['one', 'leader', 'controller']

/** Its wall clock is the right one plus this, and goes at this rate from when the process has begun. */
interface Setting {
  readonly offsetMs: number
  readonly rate: number
}

const RIGHT: Setting = { offsetMs: 0, rate: 1 }

export function clockBackend(): Backend {
  const clocks = new Clocks()
  return {
    name: BACKEND,
    probe: async () => {
      if (process.platform !== 'linux') return 'it is for Linux'
      return findLibrary() === undefined ? `there is no ${LIBRARY}: apt-get install faketime` : undefined
    },
    prepare: async (nodes, surroundings) => {
      const library = findLibrary()!
      for (const id of nodes) {
        const given = surroundings.get(id)!
        // Beside its data, which may be lost.
        const directory = join(given.dataPath, '..', 'clocks')
        mkdirSync(directory, { recursive: true })
        const file = join(directory, String(id))
        clocks.add(id, file)
        const preload = given.environment['LD_PRELOAD']
        surroundings.set(id, {
          ...given,
          environment: {
            ...given.environment,
            LD_PRELOAD: preload === undefined ? library : `${preload}:${library}`,
            FAKETIME_TIMESTAMP_FILE: file,
            FAKETIME_CACHE_DURATION: READ_EVERY,
            FAKETIME_DONT_FAKE_MONOTONIC: '1',
            NO_FAKE_STAT: '1',
          },
        })
      }
    },
    faults: [
      ...TARGETS.map(
        (target) => new ClockFault(target === 'one' ? 'clock jump' : `clock jump ${target}`, target, clocks, jump),
      ),
      ...TARGETS.map(
        (target) => new ClockFault(target === 'one' ? 'clock drift' : `clock drift ${target}`, target, clocks, drift),
      ),
    ],
    restore: async () => clocks.setRight(),
  }
}

/** Undefined: it is not installed. */
function findLibrary(): string | undefined {
  const folders = ['', ...namesIn(LIBRARIES).filter((name) => name.includes('-linux-'))]
  return folders
    .map((folder) => join(LIBRARIES, folder, 'faketime'))
    .filter((path) => namesIn(path).includes(LIBRARY))
    .map((path) => join(path, LIBRARY))[0]
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

class Clocks {
  readonly #files = new Map<number, string>()
  readonly #settings = new Map<number, Setting>()

  add(id: number, file: string): void {
    this.#files.set(id, file)
    this.set(id, RIGHT)
  }

  set(id: number, setting: Setting): void {
    this.#settings.set(id, setting)
    writeFileSync(this.#files.get(id)!, settingText(setting))
  }

  setRight(): void {
    for (const [id, setting] of this.#settings) if (setting !== RIGHT) this.set(id, RIGHT)
  }
}

/** As libfaketime reads it: seconds, and a factor. It keeps the last factor that it was told. */
export function settingText({ offsetMs, rate }: Setting): string {
  return `${offsetMs < 0 ? '' : '+'}${(offsetMs / 1000).toFixed(3)} x${rate.toFixed(4)}\n`
}

interface Change {
  readonly what: string
  readonly setting: (node: BedNode) => Setting
  /** Whether a clock that is so much off has been changed. */
  readonly shows: (offMs: number) => boolean
}

function jump(random: Prng): Change {
  const power = JUMP_POWERS.least + random.float() * (JUMP_POWERS.most - JUMP_POWERS.least)
  const sign = random.chance(0.5) ? 1 : -1
  const offsetMs = sign * Math.round(JUMP_BASE ** power)
  return {
    what: `${offsetMs} ms`,
    setting: () => ({ offsetMs, rate: 1 }),
    shows: (offMs) => Math.abs(offMs - offsetMs) < LEAST_SHOWN_MS,
  }
}

function drift(random: Prng): Change {
  const sign = random.chance(0.5) ? 1 : -1
  const rate = 1 + sign * (LEAST_DRIFT + random.float() * (MOST_DRIFT - LEAST_DRIFT))
  return {
    what: `it goes ${rate.toFixed(4)} times as fast`,
    // The rate counts from the beginning of the process: by then it would be far off at once.
    setting: ({ pid }) => ({ offsetMs: Math.round((1 - rate) * ageMs(pid)), rate }),
    shows: (offMs) => Math.sign(offMs) === sign && Math.abs(offMs) > LEAST_DRIFTED_MS,
  }
}

/** Of a process. */
function ageMs(pid: number | undefined): number {
  if (pid === undefined) return 0
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const ticks = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19])
    const uptime = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0])
    // USER_HZ is 100 wherever Linux runs.
    return uptime * 1000 - ticks * 10
  } catch {
    return 0
  }
}

class ClockFault implements Fault {
  readonly name: string
  readonly backend = BACKEND
  readonly #target: Target
  readonly #clocks: Clocks
  readonly #draw: (random: Prng) => Change
  #victim: BedNode | undefined

  constructor(name: string, target: Target, clocks: Clocks, draw: (random: Prng) => Change) {
    this.name = name
    this.#target = target
    this.#clocks = clocks
    this.#draw = draw
  }

  async begin({ bed, find, random }: FaultContext): Promise<Told | undefined> {
    const found = (await find(this.#target)) ?? []
    // What only controllers do is not stamped with their time.
    const node = found.find(({ roles }) => roles.includes('broker'))
    if (node === undefined) return undefined
    const change = this.#draw(random)
    // One that does not answer before cannot be seen afterwards.
    const asked = (): Promise<number> => wallOffMs(bed, node)
    const before = await until(new RealTime(), ANSWERS_LIMIT_MS, 'its time', asked).catch(() => undefined)
    if (before === undefined) return undefined
    this.#victim = node
    this.#clocks.set(node.id, change.setting(node))
    const seen = await until(new RealTime(), SHOWS_LIMIT_MS, `another time at node ${node.id}`, async () => {
      const offMs = await wallOffMs(bed, node)
      if (!change.shows(offMs)) throw new Error(`it is ${offMs} ms off`)
      return `node ${node.id} stamps a record ${offMs} ms off, before ${before} ms`
    })
    return { what: change.what, nodes: [node.id], seen }
  }

  async end({ bed }: FaultContext): Promise<Told | undefined> {
    const node = this.#victim
    if (node === undefined) return undefined
    this.#clocks.set(node.id, RIGHT)
    this.#victim = undefined
    const offMs = node.isRunning ? await rightAgain(bed, node) : undefined
    const seen = offMs === undefined ? 'it does not say' : `it stamps a record ${offMs} ms off`
    return { what: 'the clock is right', nodes: [node.id], seen }
  }
}

/** Undefined: it does not answer; that may be another fault's doing. */
async function rightAgain(bed: TestBed, node: BedNode): Promise<number | undefined> {
  return until(new RealTime(), SHOWS_LIMIT_MS / 4, 'the right time', async () => {
    const offMs = await wallOffMs(bed, node)
    return Math.abs(offMs) < RIGHT_WITHIN_MS ? offMs : undefined
  }).catch(() => undefined)
}

/** How far its clock is from the one here, as it stamps a record that it is sent: in a topic of its own that is stamped by the broker. */
async function wallOffMs(bed: TestBed, node: BedNode): Promise<number> {
  const topic = `nemesis-clock-${node.id}`
  return asking(bed, node.address, (asked) => stampedOff(asked, topic, node.id), TELLS_LIMIT_MS)
}

async function stampedOff({ admin, client }: Asked, topic: string, id: number): Promise<number> {
  await client.refresh([topic])
  let view = client.view.topics.get(topic)
  if (view === undefined) {
    const configs = { 'message.timestamp.type': 'LogAppendTime', 'min.insync.replicas': '1' }
    await admin.createTopics([{ name: topic, assignment: [[id]], configs }])
    await client.refresh([topic])
    view = client.view.topics.get(topic)
  }
  if (view === undefined) throw new Error(`there is no topic ${topic}`)
  const records = buildBatch([{ timestamp: Date.now(), key: null, value: Buffer.from('what time is it') }])
  const partitionData = [{ index: 0, records }]
  const fromMs = Date.now()
  const body = {
    acks: 1,
    timeoutMs: TELLS_LIMIT_MS,
    topicData: [{ name: topic, topicId: view.topicId, partitionData }],
  }
  const { responses } = await client.call({ nodeId: id }, Produce, body)
  const untilMs = Date.now()
  const answer = responses[0]?.partitionResponses[0]
  if (answer === undefined || answer.errorCode !== ErrorCode.NONE) throw new Error(`error ${answer?.errorCode}`)
  const stamped = Number(answer.logAppendTimeMs)
  return Math.round(stamped - (fromMs + untilMs) / 2)
}
