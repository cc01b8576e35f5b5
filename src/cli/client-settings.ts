/**
 * What the clients of the commands can be told by `--command-config` and `--producer-property`: the keys of Kafka's clients that they act on. A key that
 * they do not act on is warned about, and a wrong value ends the command.
 */
import fs from 'node:fs'
import { nearest } from '../base/nearest.js'
import type { Assignor } from '../client/consumer/membership/assignors/assignor.js'
import { ASSIGNOR_NAMES, assignorByName } from '../client/consumer/membership/assignors/index.js'
import type { OffsetReset } from '../client/consumer/partition-fetcher.js'
import { type Property, parseProperties } from '../config/properties.js'
import {
  boolean,
  ConfigError,
  integer,
  long,
  oneOf,
  parseSetting,
  type Setting,
  string,
  type Values,
} from '../config/setting.js'
import { CODEC_NAMES } from '../records/compression/codec.js'
import { parseDuration } from './consumer-groups/times.js'
import { fail, misuse } from './fail.js'

const ACKS: Readonly<Record<string, 0 | 1 | -1>> = { '0': 0, '1': 1, '-1': -1, all: -1 }

/** What a producer can wait for, from its text; undefined: there is no such. */
export function parseAcks(text: string): 0 | 1 | -1 | undefined {
  return Object.hasOwn(ACKS, text) ? ACKS[text] : undefined
}

const client = {
  'bootstrap.servers': string({ doc: 'Where to begin, unless a flag says it.' }),
  'client.id': string({ doc: 'What the brokers are told that the client is called.' }),
  'default.api.timeout.ms': integer({ min: 1, doc: 'For a call with everything that is tried for it.' }),
  'request.timeout.ms': integer({ min: 1, doc: 'For one answer.' }),
  'security.protocol': {
    ...oneOf(['PLAINTEXT'], { doc: 'What is spoken.' }),
    allowed: 'PLAINTEXT, because the commands have neither TLS nor SASL',
  },
} as const

const producer = {
  ...client,
  acks: { ...string({ doc: 'What is waited for.' }), allowed: '0, 1, -1 or all', parse: parseAcks },
  'batch.size': integer({ min: 0, doc: 'Bytes of a batch that is not waited for.' }),
  'compression.type': oneOf(CODEC_NAMES, { doc: 'How batches are compressed.' }),
  'delivery.timeout.ms': integer({ min: 1, doc: 'After this long a record has failed.' }),
  'enable.idempotence': boolean({ doc: 'Whether what is tried again may not stand twice.' }),
  'linger.ms': long({ min: 0, doc: 'How long a record may wait for others.' }),
  'max.request.size': integer({ min: 1, doc: 'The largest record.' }),
  'partitioner.class': {
    ...string({ doc: 'Which partition a record goes to.' }),
    allowed: 'RoundRobinPartitioner or DefaultPartitioner',
    parse: parsePartitioner,
  },
  retries: integer({ min: 0, doc: 'How often a batch is tried again.' }),
} as const

const consumer = {
  ...client,
  'allow.auto.create.topics': boolean({ doc: 'Whether a topic that is wanted may be created.' }),
  'auto.commit.interval.ms': integer({ min: 0, doc: 'How often a member of a group commits by itself.' }),
  'auto.offset.reset': {
    ...string({ doc: 'Where to begin without a position, and where it is gone.' }),
    allowed: 'earliest, latest, none, or by_duration: with a duration as PT1H30M',
    parse: parseReset,
  },
  'client.rack': string({ doc: 'Where the consumer is.' }),
  'enable.auto.commit': boolean({ doc: 'Whether a member of a group commits by itself.' }),
  'fetch.max.bytes': integer({ min: 0, doc: 'The most of one answer.' }),
  'fetch.max.wait.ms': integer({ min: 0, doc: 'How long a broker waits for records.' }),
  'fetch.min.bytes': integer({ min: 0, doc: 'How much a broker waits for.' }),
  'group.id': string({ doc: 'The group that it is a member of.' }),
  'group.instance.id': string({ doc: 'The place in the group that it comes back to.' }),
  'group.protocol': oneOf(['classic', 'consumer'], { doc: 'Whether the members assign, or the coordinator.' }),
  'group.remote.assignor': string({ doc: 'How the coordinator is to assign.' }),
  'heartbeat.interval.ms': integer({ min: 1, doc: 'How often a member of a classic group beats.' }),
  'isolation.level': oneOf(['read_uncommitted', 'read_committed'], { doc: 'What of transactions is read.' }),
  'max.partition.fetch.bytes': integer({ min: 0, doc: 'The most of one partition in one answer.' }),
  'max.poll.interval.ms': integer({ min: 1, doc: 'After this long without a poll a member has left.' }),
  'max.poll.records': integer({ min: 1, doc: 'The most that one poll gives.' }),
  'metadata.max.age.ms': long({ min: 0, doc: 'How often it looks for new topics and partitions.' }),
  'partition.assignment.strategy': {
    ...string({ doc: 'How the members assign.' }),
    allowed: `one or more of ${ASSIGNOR_NAMES.join(', ')}, or of Kafka's classes, with commas between`,
    parse: parseAssignors,
  },
  'session.timeout.ms': integer({ min: 1, doc: 'After this long without a heartbeat a member has left.' }),
} as const

function parseReset(text: string): OffsetReset | undefined {
  const word = text.trim().toLowerCase()
  if (word === 'earliest' || word === 'latest' || word === 'none') return word
  const duration = /^by_duration:(.+)$/i.exec(text.trim())?.[1]
  const durationMs = duration === undefined ? undefined : parseDuration(duration)
  return durationMs === undefined || durationMs < 0 ? undefined : { durationMs }
}

function parseAssignors(text: string): readonly Assignor[] | undefined {
  const assignors = text.split(',').map(assignorByName)
  return assignors.includes(undefined) ? undefined : [...new Set(assignors as Assignor[])]
}

function parsePartitioner(text: string): 'round robin' | 'default' | undefined {
  const name = /(?:^|\.)(RoundRobin|Default|UniformSticky)Partitioner$/.exec(text.trim())?.[1]
  return name === undefined ? undefined : name === 'RoundRobin' ? 'round robin' : 'default'
}

const TABLES = { client, producer, consumer }
export type ClientKind = keyof typeof TABLES
/** What was set. */
export type ClientSettings<Kind extends ClientKind = 'client'> = Partial<Values<(typeof TABLES)[Kind]>>

/** For `--help`. */
export function settingsOf(kind: ClientKind): string {
  return Object.keys(TABLES[kind]).join(', ')
}

/** Files in their order, then what was typed: the last one counts. Ends the command where a value is not allowed, and warns of what has no effect. */
export function clientSettings<Kind extends ClientKind>(
  kind: Kind,
  files: readonly (string | undefined)[],
  typed: ReadonlyMap<string, string> = new Map(),
): ClientSettings<Kind> {
  const table: Readonly<Record<string, Setting<unknown>>> = TABLES[kind]
  const values: Record<string, unknown> = {}
  const unused = new Set<string>()
  const take = (key: string, value: string, where: string): void => {
    if (!Object.hasOwn(table, key)) {
      unused.add(key)
      return
    }
    try {
      values[key] = parseSetting(table[key]!, key, value)
    } catch (error) {
      if (error instanceof ConfigError) misuse(`${where}${error.message}`)
      throw error
    }
  }
  for (const path of files) {
    if (path === undefined) continue
    for (const { key, value, line } of propertiesIn(path)) take(key, value, `${path}: line ${line}: `)
  }
  for (const [key, value] of typed) take(key, value, '')
  warnOf([...unused], Object.keys(table))
  return values as ClientSettings<Kind>
}

function propertiesIn(path: string): Property[] {
  try {
    return parseProperties(fs.readFileSync(path, 'utf8'))
  } catch (error) {
    return fail(`cannot read the configuration: ${(error as Error).message}`)
  }
}

function warnOf(unused: readonly string[], known: readonly string[]): void {
  const others = unused.filter((key) => {
    const meant = nearest(key, known)
    if (meant !== undefined) process.stderr.write(`lograft: warning: ${key} has no effect; did you mean ${meant}?\n`)
    return meant === undefined
  })
  if (others.length > 0) process.stderr.write(`lograft: warning: without effect here: ${others.join(', ')}\n`)
}
