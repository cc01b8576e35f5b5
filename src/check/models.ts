/**
 * What the metadata of a cluster promises about one key, as models for `checkLinearizable`: a setting is a register, a topic of one name or a voter is
 * there or not. What the controller answers holds at that moment; what a broker answers from the metadata that it has applied may be
 * late, but never goes back, and includes what was acknowledged through that broker (`followed`).
 */
import type { Call, Model } from './linearizability.js'

/** Undefined: not set, not there. */
export type Version = string | undefined

/** `broker`: through whom it was asked. */
export interface MetadataValue {
  readonly broker: number
  readonly version: Version
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

export interface FollowedState {
  readonly versions: readonly Version[]
  /** By broker: the version that it has shown last, or must have seen. */
  readonly shown: ReadonlyMap<number, number>
}

/** With `read`: a broker answers from what it has applied, which is not before what it has shown. */
export function followed(model: Model<Version, MetadataValue>): Model<FollowedState, MetadataValue> {
  return {
    initial: { versions: [model.initial], shown: new Map() },
    step: ({ versions, shown }, call) => {
      const { f, value, outcome } = call
      if (f === 'read') {
        const next: FollowedState[] = []
        for (let at = shown.get(value.broker) ?? 0; at < versions.length; at++) {
          const version = versions[at]
          const isIt = version === value.version || (version === SOME_ID && value.version !== undefined)
          if (!isIt) continue
          const known = version === value.version ? versions : versions.with(at, value.version)
          next.push({ versions: known, shown: new Map(shown).set(value.broker, at) })
          // A later place of the same version only says more than is known.
          if (version === value.version) break
        }
        return next
      }
      return model.step(versions.at(-1), call).map((version) => {
        const isSame = version === versions.at(-1) && f !== 'write'
        const all = isSame ? versions : [...versions, version]
        return { versions: all, shown: outcome === 'ok' ? new Map(shown).set(value.broker, all.length - 1) : shown }
      })
    },
    // What every broker has passed tells nothing more.
    key: ({ versions, shown }) => {
      const brokers = [...shown].sort(([a], [b]) => a - b)
      return `${versions.map((version) => version ?? '-').join(' ')} ${brokers.map((each) => each.join(':')).join(' ')}`
    },
  }
}
