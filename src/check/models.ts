/**
 * What the metadata of a cluster promises about one key, as models for `checkLinearizable`: a setting is a register, a topic of one name or a broker is
 * there or not. What the controller answers holds at that moment; what a broker answers from the metadata that it has applied may be
 * late, but never goes back, and includes what was acknowledged through that broker (`followed`).
 */
import type { Call, Model } from './linearizability.js'

/** Undefined: not set, not there. */
export type Version = string | undefined

export interface MetadataValue {
  /** Through whom it was asked. */
  readonly broker: number
  readonly version: Version
  /** Which change it is, or which one a broker has acknowledged: see `withAcknowledgements`. */
  readonly change?: number
}

export type MetadataCall = Call<MetadataValue>

/** `write`: the setting has this value now. */
export const REGISTER: Model<Version, MetadataValue> = {
  initial: undefined,
  step: (_, { f, value }) => (f === 'write' ? [value.version] : []),
  key: (state) => state ?? '',
}

/** Of something that is there, and that nobody was told the id of. */
const SOME_ID = '?'

/**
 * `create`: it was not there, and is now, with this id; `exists`: it was refused, because it was there; `delete`: it was there, and is not any more;
 * `absent`: it was not there to be deleted.
 */
export const EXISTENCE: Model<Version, MetadataValue> = {
  initial: undefined,
  step: (state, { f, value, outcome }) => {
    switch (f) {
      case 'create':
        return state === undefined ? [outcome === 'info' ? SOME_ID : (value.version ?? SOME_ID)] : []
      case 'exists':
        return state !== undefined ? [state] : []
      case 'delete':
        return state !== undefined ? [undefined] : []
      case 'absent':
        return state === undefined ? [state] : []
      default:
        return []
    }
  },
  key: (state) => state ?? '',
}

/** What `join` leads to: which incarnation it is of, nobody is told. */
export const REGISTERED = 'registered'

/** Of a broker's registration: `join`: it is registered, whatever it was; `leave`: it was, and is not any more; `absent`: it was not to be forgotten. */
export const MEMBERSHIP: Model<Version, MetadataValue> = {
  initial: undefined,
  step: (state, { f }) => {
    if (f === 'join') return [REGISTERED]
    if (f === 'leave') return state !== undefined ? [undefined] : []
    return f === 'absent' && state === undefined ? [state] : []
  },
  key: (state) => state ?? '',
}

/** Calls after which there may be another version. */
export const CHANGES: ReadonlySet<string> = new Set(['write', 'create', 'delete', 'join', 'leave'])

/**
 * Adds to each change that was acknowledged that this broker knows it from then on: `acknowledged`, a call that takes no time. The change itself may
 * have been seen elsewhere long before.
 */
export function withAcknowledgements(calls: readonly MetadataCall[]): MetadataCall[] {
  return calls.flatMap((call, change): MetadataCall[] => {
    const { f, outcome, answeredMs } = call
    if (!CHANGES.has(f) || outcome === 'fail') return [call]
    const numbered = { ...call, value: { ...call.value, change } }
    if (outcome === 'info' || answeredMs === undefined) return [numbered]
    return [numbered, { ...numbered, f: 'acknowledged', invokedMs: answeredMs }]
  })
}

interface FollowedVersion {
  readonly version: Version
  /** What made it; -1: it was there from the beginning. */
  readonly change: number
}

export interface FollowedState {
  readonly versions: readonly FollowedVersion[]
  /** By broker: the version that it has shown last, or must have seen. */
  readonly shown: ReadonlyMap<number, number>
}

/** With `read`: a broker answers from what it has applied, which is not before what it has shown or acknowledged. */
export function followed(model: Model<Version, MetadataValue>): Model<FollowedState, MetadataValue> {
  return {
    initial: { versions: [{ version: model.initial, change: -1 }], shown: new Map() },
    step: ({ versions, shown }, call) => {
      const { f, value } = call
      const { broker } = value
      const from = shown.get(broker) ?? 0
      if (f === 'acknowledged') {
        const at = versions.findIndex(({ change }) => change === value.change)
        return at < 0 ? [] : [{ versions, shown: new Map(shown).set(broker, Math.max(from, at)) }]
      }
      if (f === 'read') {
        const next: FollowedState[] = []
        for (let at = from; at < versions.length; at++) {
          const { version, change } = versions[at]!
          const isIt = version === value.version
          if (!isIt && (version !== SOME_ID || value.version === undefined)) continue
          const known = isIt ? versions : versions.with(at, { version: value.version, change })
          next.push({ versions: known, shown: new Map(shown).set(broker, at) })
          // A later place of the same version only says more than is known.
          if (isIt) break
        }
        return next
      }
      const latest = versions.at(-1)!.version
      return model.step(latest, call).map((version) => {
        if (!CHANGES.has(f)) return { versions, shown }
        return { versions: [...versions, { version, change: value.change ?? -1 }], shown }
      })
    },
    key: ({ versions, shown }) => {
      const brokers = [...shown].sort(([a], [b]) => a - b)
      const told = versions.map(({ version, change }) => `${version ?? '-'}#${change}`)
      return `${told.join(' ')} ${brokers.map((each) => each.join(':')).join(' ')}`
    },
  }
}

/** With `read` by who is not said to have asked which broker: it is told something that was there at some time until then. */
export function heard(model: Model<Version, MetadataValue>): Model<readonly Version[], MetadataValue> {
  return {
    initial: [model.initial],
    step: (versions, call) => {
      const { version } = call.value
      if (call.f !== 'read') {
        const latest = versions.at(-1)
        return model.step(latest, call).map((next) => (next === latest ? versions : [...versions, next]))
      }
      if (versions.includes(version)) return [versions]
      if (version === undefined) return []
      return versions.flatMap((each, at) => (each === SOME_ID ? [versions.with(at, version)] : []))
    },
    key: (versions) => versions.map((version) => version ?? '-').join(' '),
  }
}
