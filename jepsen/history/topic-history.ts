/**
 * What a history shows of topics and their settings, as calls for `checkLinearizable`: a topic is there or not, a setting is a register. `change` is the index of the operation.
 * A refusal says what was there; a client that asks again by itself, and cannot know its own first try, has to say `info` then.
 */
import type { MetadataCall } from '../../src/check/models.js'
import type { Pair } from './read.js'

/** Refusals that say what was there. */
const REFUSALS: Readonly<Record<string, readonly [error: string, f: string]>> = {
  'create-topic': ['TOPIC_ALREADY_EXISTS', 'exists'],
  'delete-topic': ['UNKNOWN_TOPIC_OR_PARTITION', 'absent'],
}

const CALLS: Readonly<Record<string, string>> = {
  'create-topic': 'create',
  'delete-topic': 'delete',
  'set-config': 'write',
  'get-config': 'read',
  'describe-topic': 'read',
}

export class TopicHistory {
  /** By topic. */
  readonly existence = new Map<string, MetadataCall[]>()
  readonly settings = new Map<string, MetadataCall[]>()

  did({ invoked, ended, outcome, index, process, invokedMs, completedMs }: Pair): void {
    const named = CALLS[invoked.f]
    if (named === undefined) return
    const [topic, asked] = invoked.value as TopicValue
    const version = outcome === 'ok' ? (ended!.value as TopicValue)[1] : asked
    const refused = refusal(invoked.f, ended)
    // Whether something is there that nobody was answered about does not matter.
    if (outcome !== 'ok' && (named === 'read' || (outcome === 'fail' && refused === undefined))) return
    const callOf = (f: string, is: string | undefined): MetadataCall => ({
      process,
      f,
      value: { broker: 0, version: is, change: index },
      invokedMs,
      answeredMs: ended === undefined || outcome === 'info' ? undefined : completedMs,
      outcome: outcome === 'info' ? 'info' : 'ok',
    })
    // What comes after it has no settings of before.
    if (invoked.f === 'delete-topic') push(this.settings, topic, callOf('write', undefined))
    const isSetting = invoked.f === 'set-config' || invoked.f === 'get-config'
    const calls = isSetting ? this.settings : this.existence
    push(calls, topic, callOf(refused ?? named, version ?? undefined))
  }
}

function push(calls: Map<string, MetadataCall[]>, topic: string, call: MetadataCall): void {
  const all = calls.get(topic)
  if (all === undefined) calls.set(topic, [call])
  else all.push(call)
}

function refusal(f: string, ended: Pair['ended']): string | undefined {
  const [error, call] = REFUSALS[f] ?? []
  return ended?.type === 'fail' && ended.error?.[0] === error ? call : undefined
}

type TopicValue = readonly [topic: string, version: string | null]
