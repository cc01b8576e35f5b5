/** The parts of README.md that say what the code declares, read from the code. */
import { HANDLERS } from '../src/broker/apis/index.js'
import { dynamicOf, type NodeSettingKey } from '../src/config/dynamic-settings.js'
import { nodeSettings } from '../src/config/node-settings.js'
import type { Setting } from '../src/config/setting.js'
import { synonymsOf, type TopicSettingKey, topicSettings } from '../src/config/topic-settings.js'
import { type FailureStage, N_MINUS_ONE, type NMinusOneProfile } from '../src/sim/n-minus-one.js'

type Declared = Setting<unknown>

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

const TABLES: Readonly<Record<string, () => string>> = {
  settings: () =>
    table(
      ['key', 'type', 'default', 'changes', ''],
      Object.entries<Declared>(nodeSettings).map(([key, setting]) => [
        code(key),
        setting.type,
        code(setting.default ?? ''),
        dynamicOf(key as NodeSettingKey),
        setting.doc,
      ]),
    ),
  'topic settings': () =>
    table(
      ['key', 'type', 'falls back to', ''],
      Object.entries<Declared>(topicSettings).map(([key, { type, doc }]) => [
        code(key),
        type,
        synonymsOf(key as TopicSettingKey)
          .map(code)
          .join(', '),
        doc,
      ]),
    ),
  apis: () =>
    table(
      ['API', 'key', 'versions', 'answered by', 'listeners'],
      HANDLERS.filter(({ untold }) => untold !== true).map(({ message, versions, servedBy, listeners }) => [
        message.name,
        String(message.key),
        `${versions[0]} to ${versions[1]}`,
        servedBy,
        listeners.join(', '),
      ]),
    ),
  'what is lost': () =>
    table(
      ['profile', 'cluster', 'setting', 'failure', 'then', 'lost of what was acknowledged'],
      Object.entries<NMinusOneProfile>(N_MINUS_ONE).map(([name, profile]) => [
        code(name),
        profile.cluster,
        settingsOf(profile),
        profile.stages.map((stage, at) => failureOf(stage, profile, at)).join('; '),
        profile.stages.map(({ after }) => (after === 'nobody leads' ? after : `it ${after}`)).join('; '),
        profile.lost,
      ]),
    ),
}

function settingsOf(profile: NMinusOneProfile): string {
  const { replicationFactor, minInsyncReplicas, flushPolicy, acks, unclean, keepsEligible } = profile
  return [
    `${replicationFactor} replicas`,
    code(`min.insync.replicas=${minInsyncReplicas}`),
    code(`flush.policy=${flushPolicy}`),
    code(`acks=${acks === -1 ? 'all' : acks}`),
    ...(unclean === true ? [code('unclean.leader.election.enable=true')] : []),
    ...(keepsEligible === true ? [code('eligible.leader.replicas.version=1')] : []),
  ].join(', ')
}

const FAILURES = { crash: 'crash', 'power-loss': 'lose power', either: 'crash or lose power' } as const
const NUMBERS = ['none', 'one', 'two', 'three', 'four', 'five']

function failureOf(stage: FailureStage, { replicationFactor, bootIdIgnored }: NMinusOneProfile, at: number): string {
  const { failures, kind, atOnce, cutOff, othersReturn, theseReturn } = stage
  return [
    `${at === 0 ? '' : 'then '}${NUMBERS[failures]}${at === 0 ? ` of ${NUMBERS[replicationFactor]}` : ' more'} ${FAILURES[kind]}`,
    ...(atOnce === true ? ['all at once'] : []),
    ...(cutOff === true ? ['each cut off from the others just before'] : []),
    ...(othersReturn === true ? ['and the others come back'] : []),
    ...(theseReturn === true ? [`and ${failures === 1 ? 'is' : 'are'} back before the others`] : []),
    ...(bootIdIgnored === true && kind === 'power-loss' ? ['and says that it has not'] : []),
  ].join(', ')
}

/** The text with its tables as they should be. Throws if a table has no place in it. */
export function withTables(text: string): string {
  let filled = text
  for (const [name, make] of Object.entries(TABLES)) {
    const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
    const from = filled.indexOf(begin)
    const to = filled.indexOf(end)
    if (from < 0 || to < from) throw new Error(`README.md has no place for the table of ${name}`)
    filled = `${filled.slice(0, from + begin.length)}${make()}\n${filled.slice(to)}`
  }
  return filled
}
