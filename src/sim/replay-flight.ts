/**
 * Replays a flight record (`base/flight-recorder.ts`), which a node leaves behind when an assertion fails: every core is made of its first
 * state, gets the inputs that it had, and must come to each later state. Where a core fails as it did in the node, the failure is reproduced.
 *
 * Cores know nothing of each other, so each is replayed by itself.
 */
import { fromPlain, type Plain, plainDifference, toPlain } from '../base/plain.js'
import {
  DivergedError,
  RECORDED_CORES,
  type RecordedCore,
  type RecordedInput,
  UnknownInputError,
} from './recorded-cores.js'

/** What is wrong with the record itself; the message is a sentence. */
export class FlightRecordError extends Error {
  override readonly name = 'FlightRecordError'
}

export interface FlightReport {
  readonly cores: number
  /** Inputs that were fed. */
  readonly inputs: number
  /** States that were compared. */
  readonly states: number
  readonly byKind: ReadonlyMap<string, FlightCounts>
  readonly mismatches: readonly FlightMismatch[]
  readonly thrown: readonly FlightThrown[]
}

export interface FlightCounts {
  cores: number
  inputs: number
  states: number
}

/** The replay came to something else than the node. */
export interface FlightMismatch {
  readonly core: string
  /** In the record, from 1. */
  readonly line: number
  /** What was recorded, and what came of the replay. */
  readonly detail: string
}

/** A core failed while it was replayed. */
export interface FlightThrown {
  readonly core: string
  readonly line: number
  readonly input: string
  readonly error: Error
}

interface State {
  readonly line: number
  readonly state: Plain
}

type Step = State | RecordedInput

interface Track {
  readonly kind: string
  readonly steps: Step[]
  /** The latest of the steps that is an input. */
  lastInput: RecordedInput | undefined
}

/** Throws `FlightRecordError` where the text is not a flight record. */
export function replayFlight(text: string): FlightReport {
  const tracks = readTracks(text)
  const byKind = new Map<string, FlightCounts>()
  const mismatches: FlightMismatch[] = []
  const thrown: FlightThrown[] = []
  for (const [core, track] of tracks) {
    let counts = byKind.get(track.kind)
    if (counts === undefined) byKind.set(track.kind, (counts = { cores: 0, inputs: 0, states: 0 }))
    counts.cores++
    new CoreReplay(core, track, counts, mismatches, thrown).run()
  }
  const total = { cores: 0, inputs: 0, states: 0 }
  for (const { cores, inputs, states } of byKind.values()) {
    total.cores += cores
    total.inputs += inputs
    total.states += states
  }
  const byLine = (a: { line: number }, b: { line: number }): number => a.line - b.line
  return { ...total, byKind, mismatches: mismatches.sort(byLine), thrown: thrown.sort(byLine) }
}

class CoreReplay {
  readonly #name: string
  readonly #track: Track
  readonly #counts: FlightCounts
  readonly #mismatches: FlightMismatch[]
  readonly #thrown: FlightThrown[]
  /** Undefined: the replay has lost its way, up to the next state. */
  #core: RecordedCore | undefined

  constructor(name: string, track: Track, counts: FlightCounts, mismatches: FlightMismatch[], thrown: FlightThrown[]) {
    this.#name = name
    this.#track = track
    this.#counts = counts
    this.#mismatches = mismatches
    this.#thrown = thrown
  }

  run(): void {
    for (const step of this.#track.steps) {
      if ('state' in step) this.#arrive(step)
      else if (this.#core !== undefined) this.#feed(this.#core, step)
    }
  }

  #arrive({ state, line }: State): void {
    if (this.#core !== undefined) {
      this.#counts.states++
      const difference = plainDifference(state, toPlain(this.#core.capture()))
      if (difference !== undefined) this.#mismatch(line, difference)
    }
    try {
      this.#core = RECORDED_CORES[this.#track.kind]!(state === null ? undefined : fromPlain(state))
    } catch (error) {
      this.#fail(line, 'its state', error)
    }
  }

  #feed(core: RecordedCore, input: RecordedInput): void {
    this.#counts.inputs++
    try {
      const difference = core.feed(input)
      if (difference !== undefined) this.#mismatch(input.line, `${input.name}: ${difference}`)
    } catch (error) {
      if (error instanceof UnknownInputError) throw new FlightRecordError(`line ${input.line}: ${error.message}`)
      if (!(error instanceof DivergedError)) return this.#fail(input.line, input.name, error)
      this.#mismatch(input.line, `${input.name}: ${error.message}`)
      this.#core = undefined
    }
  }

  #mismatch(line: number, detail: string): void {
    this.#mismatches.push({ core: this.#name, line, detail })
  }

  #fail(line: number, input: string, error: unknown): void {
    this.#thrown.push({
      core: this.#name,
      line,
      input,
      error: error instanceof Error ? error : new Error(String(error)),
    })
    this.#core = undefined
  }
}

function readTracks(text: string): Map<string, Track> {
  const tracks = new Map<string, Track>()
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (const [index, content] of lines.entries()) {
    const line = index + 1
    const { core, kind, state, input, args } = readEntry(content, line)
    let track = tracks.get(core)
    if (state !== undefined) {
      if (kind === undefined || !Object.hasOwn(RECORDED_CORES, kind)) {
        throw new FlightRecordError(`line ${line} has a core of the kind ${kind}, which this release does not know`)
      }
      if (track === undefined) tracks.set(core, (track = { kind, steps: [], lastInput: undefined }))
      if (track.kind !== kind) {
        throw new FlightRecordError(`line ${line} has ${core} as ${kind}, and it was ${track.kind} before`)
      }
      track.steps.push({ line, state })
      continue
    }
    if (track === undefined) throw new FlightRecordError(`line ${line} has an input of ${core} before any state of it`)
    if (input === 'drawn') {
      // What was decided before the record begins is not decided again.
      track.lastInput?.drawn.push(args[0] as number | string)
    } else {
      track.lastInput = { line, name: input, args: args.map(fromPlain), drawn: [] }
      track.steps.push(track.lastInput)
    }
  }
  return tracks
}

type Entry = { readonly core: string; readonly kind: string | undefined } & (
  | { readonly state: Plain; readonly input: undefined; readonly args: readonly Plain[] }
  | { readonly state: undefined; readonly input: string; readonly args: readonly Plain[] }
)

function readEntry(text: string, line: number): Entry {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new FlightRecordError(`line ${line} is not JSON`)
  }
  if (typeof value === 'object' && value !== null) {
    const { core, kind, state, input, args } = value as Record<string, Plain>
    if (typeof core === 'string' && (kind === undefined || typeof kind === 'string')) {
      if (state !== undefined) return { core, kind, state, input: undefined, args: [] }
      if (typeof input === 'string' && Array.isArray(args)) return { core, kind, state: undefined, input, args }
    }
  }
  throw new FlightRecordError(`line ${line} is not an entry of a flight record`)
}
