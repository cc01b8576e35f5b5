/**
 * Target `config`: properties files of any content. Reading gives a configuration within its bounds or a `ConfigError` with a sentence; keys and
 * values that were escaped by the rules of the notation come out as they went in.
 */
import assert from 'node:assert/strict'
import type { Prng } from '../../src/base/prng.js'
import { type NodeConfig, nodeConfig, readConfigText } from '../../src/config/node-config.js'
import { nodeSettings } from '../../src/config/node-settings.js'
import { parseProperties } from '../../src/config/properties.js'
import { ConfigError } from '../../src/config/setting.js'
import { mutate } from './mutate.js'
import { ACCEPTED, type Outcome, REJECTED, type Target } from './target.js'

interface ConfigInput {
  readonly text: string
  /** What stands in the text, where nothing was done to it. */
  readonly entries: readonly (readonly [string, string])[] | undefined
}

const KEYS = Object.keys(nodeSettings)
const ODD_KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  ' ',
  '#',
  '!x',
  'a=b',
  'k:v',
  'log.dir',
  'ünïcødé',
  'broker.id',
  'num.io.threads',
  'authorizer.class.name',
  'listener.name.x.ssl.keystore.location',
  'listener.name.x.num.partitions',
]
/** Other names of settings. */
const OTHER_NAMES = ['log.dir', 'broker.id']
/** Refused, or as it is anyway. */
const HARMLESS = ['authorizer.class.name']
const VALUES = [
  'broker',
  'controller,broker',
  'true',
  'FALSE',
  '0',
  '1',
  '-1',
  '+7',
  '2147483647',
  '2147483648',
  '9223372036854775807',
  '1e9',
  '0x10',
  '007',
  '',
  ' ',
  ',',
  ',,a,,',
  'PLAINTEXT://:9092',
  'PLAINTEXT://[::1]:0,X://h:1',
  'PLAINTEXT://h:99999',
  'A://h:1,a://h:2',
  '1@localhost:9093',
  '2@h:1',
  'os',
  'commit',
  'a\\b',
  'tab\there',
  'line\nbreak',
  '\u0000',
  '\ud800',
  '__proto__',
  'x'.repeat(2000),
  '/var/lib/a,/var/lib/b',
]

export const config: Target<ConfigInput> = {
  name: 'config',
  floor: 0.2,
  draw,
  bytesOf: ({ text }) => Buffer.from(text),
  run,
}

function draw(random: Prng): ConfigInput {
  const entries = Array.from({ length: random.below(5) }, () => entry(random))
  const text = entries.map(([key, value]) => `${written(random, key, value)}\n`).join('')
  if (random.chance(0.4)) return { text, entries }
  const bytes = mutate(random, Buffer.from(text), random.between(1, 4), Buffer.from('\\u00zz\\\r\n\t =:#!\\\n'))
  return { text: bytes.toString(random.chance(0.5) ? 'utf8' : 'latin1'), entries: undefined }
}

function entry(random: Prng): readonly [string, string] {
  const key = random.chance(0.9) ? random.pick(KEYS) : random.pick(ODD_KEYS)
  const setting = Object.hasOwn(nodeSettings, key) ? nodeSettings[key as keyof typeof nodeSettings] : undefined
  if (random.chance(0.6) && setting?.default !== undefined) return [key, setting.default]
  return [
    key,
    random.chance(0.9) ? random.pick(VALUES) : Buffer.from(random.bytes(random.below(30))).toString('latin1'),
  ]
}

/** One entry in one of the ways in which it can be written. */
function written(random: Prng, key: string, value: string): string {
  // A blank ends no key that is not there.
  const separator = random.pick(key === '' ? ['=', ':'] : ['=', ':', ' ', ' = ', '\t:  '])
  const ahead = random.pick(['', '', '  ', '# a comment\n', '\n! another\r\n'])
  return `${ahead}${escaped(random, key, true)}${separator}${escaped(random, value, false)}`
}

function escaped(random: Prng, text: string, isKey: boolean): string {
  let out = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    const code = `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
    const plain = /[A-Za-z0-9._,/@[\]-]/.test(char) || (!isKey && at > 0 && /[=:#!]/.test(char))
    if (!plain) out += /[=:#!\\ ]/.test(char) && random.chance(0.5) ? `\\${char}` : code
    else out += random.chance(0.02) ? code : char
    if (at < text.length - 1 && random.chance(0.01)) out += '\\\n   '
  }
  return out
}

function run({ text, entries }: ConfigInput): Outcome {
  const parsed = parseProperties(text)
  assert.ok(parsed.length <= text.length, 'more entries than characters')
  for (const [index, { line }] of parsed.entries()) {
    assert.ok(line >= (parsed[index - 1]?.line ?? 0) + 1, 'lines do not rise')
  }
  if (entries !== undefined) {
    assert.deepEqual(
      parsed.map(({ key, value }) => [key, value]),
      entries,
    )
  }
  let read: NodeConfig
  try {
    read = nodeConfig(readConfigText(text))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    assert.ok(error.message.length > 10 && error.key !== undefined, `no sentence: ${error.message}`)
    return REJECTED
  }
  check(read, new Map(parsed.map(({ key, value }) => [key, value])))
  return ACCEPTED
}

/** What operators rely on whatever they wrote. */
function check(
  { settings, listeners, unknownKeys, withoutEffect, withoutProtection }: NodeConfig,
  given: ReadonlyMap<string, string>,
): void {
  for (const [key, { optional }] of Object.entries(nodeSettings)) {
    if (given.has(key) || !optional) assert.notEqual(settings[key as keyof typeof settings], undefined, key)
  }
  for (const [key, { type }] of Object.entries(nodeSettings)) {
    const value: unknown = settings[key as keyof typeof settings]
    if (type === 'double') assert.ok(Number.isFinite(value), key)
    else if (typeof value === 'number') assert.ok(Number.isSafeInteger(value), key)
  }
  assert.ok(settings['node.id'] >= 0 && settings['process.roles'].size > 0)
  const directories = settings['log.dirs']
  assert.ok(directories.length > 0 && directories.every((path) => path !== ''), `directories ${directories}`)
  assert.equal(new Set(directories).size, directories.length, `directories ${directories}`)
  assert.ok(
    listeners.some(({ serves }) => serves === (settings['process.roles'].has('broker') ? 'broker' : 'controller')),
  )
  for (const { port } of listeners) assert.ok(port >= 0 && port <= 65_535, `port ${port}`)
  const other = [...given.keys()].filter((key) => !KEYS.includes(key) && !OTHER_NAMES.includes(key))
  const told = [
    ...unknownKeys,
    ...withoutEffect,
    ...withoutProtection,
    ...other.filter((key) => HARMLESS.includes(key)),
  ]
  assert.deepEqual(told.sort(), other.sort())
}
