/** Members of a group that run until they are told to end: Kafka's VerifiableConsumer, which says what it is assigned, reads and commits, an event a line. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { endsWithThis } from '../../jepsen/beds/children.js'
import type { Committed } from './committed-offsets.js'
import { javaCommand } from './java-command.js'

const AGAIN_MS = 50
const LONGEST_MS = 60_000

export type GroupProtocol = 'classic' | 'consumer'

interface Place {
  readonly topic: string
  readonly partition: number
}

interface Event {
  readonly name: string
  readonly partitions?: readonly Place[]
  readonly offsets?: readonly (Place & { readonly offset: number })[]
  readonly success?: boolean
  readonly partition?: number
  readonly offset?: number
  readonly value?: string
}

/** What it read, with where it stood. */
export interface ReadValue {
  readonly partition: number
  readonly offset: number
  readonly value: string
}

export interface MemberOf {
  readonly bootstrap: string
  readonly topic: string
  readonly group: string
  readonly protocol: GroupProtocol
}

export class JavaMember {
  readonly #child: ReturnType<typeof start>
  readonly #assigned = new Set<number>()
  readonly #committed = new Map<string, number>()
  readonly read: ReadValue[] = []
  readonly #group: string
  #line = ''
  #said = ''
  #isDone = false

  constructor(of: MemberOf) {
    this.#group = of.group
    this.#child = endsWithThis(start(of))
    this.#child.stdout.on('data', (bytes: Buffer) => this.#hear(bytes))
    this.#child.stderr.on('data', (bytes: Buffer) => (this.#said += bytes))
  }

  /** The partitions that it has now. */
  get assigned(): readonly number[] {
    return [...this.#assigned].sort((a, b) => a - b)
  }

  /** The last commit of each partition that has succeeded. */
  get committed(): Committed {
    return this.#committed
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** It leaves its group, and says so. */
  async end(): Promise<void> {
    this.#child.kill('SIGTERM')
    const endMs = performance.now() + LONGEST_MS
    while (!this.#hasEnded && performance.now() < endMs) await sleep(AGAIN_MS)
    if (!this.#isDone) throw new Error(`a member did not end well: ${this.#child.exitCode}\n${this.#said.slice(-4000)}`)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Waits until it is so, and throws if one of them ends before. */
  static async until(what: string, members: readonly JavaMember[], is: () => boolean): Promise<void> {
    for (const beganMs = performance.now(); !is(); await sleep(AGAIN_MS)) {
      const ended = members.find((member) => member.#hasEnded)
      const late = performance.now() > beganMs + LONGEST_MS
      if (ended === undefined && !late) continue
      const each = members.map(
        (member) => `has ${member.assigned}, has read ${member.read.length}\n${member.#said.slice(-2000)}`,
      )
      throw new Error(`${late ? 'too late' : 'a member has ended'}: ${what}\n${each.join('\n')}`)
    }
  }

  #hear(bytes: Buffer): void {
    const lines = `${this.#line}${bytes}`.split('\n')
    this.#line = lines.pop()!
    for (const line of lines) if (line.startsWith('{')) this.#take(JSON.parse(line) as Event)
  }

  #take({ name, partitions = [], offsets = [], success, partition, offset, value }: Event): void {
    if (name === 'partitions_assigned') for (const each of partitions) this.#assigned.add(each.partition)
    if (name === 'partitions_revoked') for (const each of partitions) this.#assigned.delete(each.partition)
    if (name === 'record_data') this.read.push({ partition: partition!, offset: offset!, value: value! })
    if (name === 'offsets_committed' && success === true) {
      for (const each of offsets) this.#committed.set(`${this.#group} ${each.topic} ${each.partition}`, each.offset)
    }
    if (name === 'shutdown_complete') this.#isDone = true
  }
}

function start({ bootstrap, topic, group, protocol }: MemberOf) {
  const where = ['--bootstrap-server', bootstrap, '--topic', topic, '--group-id', group]
  const { command, args } = javaCommand('VerifiableConsumer', [...where, '--group-protocol', protocol, '--verbose'], '')
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
}
