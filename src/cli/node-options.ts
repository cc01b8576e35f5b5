/** The configuration of a node, made of a file and of what was typed. What is wrong with it ends the command. */
import fs from 'node:fs'
import { movePort } from '../config/move-port.js'
import { lineOf, meantSetting, type NodeConfig, nodeConfig, readConfigText } from '../config/node-config.js'
import { ConfigError } from '../config/setting.js'
import { fail, misuse } from './fail.js'

export interface NodeOptions {
  /** The path of a file of settings. */
  readonly config: string | undefined
  /** `log.dirs` */
  readonly data?: string | undefined
  readonly port?: string | undefined
  /** `key=value`, which go before the file. */
  readonly typed: readonly string[]
  /** By which option they were typed. After `override`, as in a file, a key may be one that nobody knows here. */
  readonly option: 'set' | 'override'
}

export function configOf({ config, data, port, typed, option }: NodeOptions): NodeConfig {
  const text = config === undefined ? '' : readText(config)
  try {
    const entries = readConfigText(text)
    if (data !== undefined) entries.set('log.dirs', data)
    if (port !== undefined) {
      if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
        misuse(`--port ${port} is not allowed: it must be a whole number from 0 to 65535`)
      }
      movePort(entries, Number(port))
    }
    for (const setting of typed) {
      const cut = setting.indexOf('=')
      if (cut <= 0) misuse(`--${option} ${setting} is not allowed: it must be key=value`)
      entries.set(setting.slice(0, cut), setting.slice(cut + 1))
    }
    const read = nodeConfig(entries)
    if (option === 'override') return read
    const isTyped = (key: string): boolean => typed.some((setting) => setting.startsWith(`${key}=`))
    const mistyped = read.unknownKeys.find(isTyped)
    // In a file it may be of another program's; who types it means it.
    if (mistyped !== undefined) {
      const meant = meantSetting(mistyped)
      misuse(`--set ${mistyped} is not a setting${meant === undefined ? '' : `; did you mean ${meant}?`}`)
    }
    const unused = [...read.withoutEffect, ...read.withoutProtection].find(isTyped)
    if (unused !== undefined) misuse(`--set ${unused} is a setting of Kafka that has no effect here: leave it out`)
    return read
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const line = typed.some((setting) => setting.startsWith(`${error.key}=`)) ? undefined : lineOf(text, error.key)
    if (line === undefined) misuse(error.message)
    fail(`${config}: ${error.message.startsWith('line ') ? '' : `line ${line}: `}${error.message}`)
  }
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch (error) {
    return fail(`cannot read the configuration: ${(error as Error).message}`)
  }
}
