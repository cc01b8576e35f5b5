/**
 * Who polls goes upwards and leaves nothing out, who sends finds its values in the order in which it sent them, and so does who looks at the clock:
 * int-poll-skip, int-nonmonotonic-poll, int-send-skip, int-nonmonotonic-send, poll-skip, nonmonotonic-poll, nonmonotonic-send, send-realtime, sequence-gap.
 *
 * Three oddities of Jepsen's definitions, and what is done here:
 * - An assignment clears the memory of what a process sent last. Here it does not: what is assigned to a consumer says nothing about a producer. A send whose place
 *   is not known is passed over, too, where Jepsen compares the next one with nothing.
 * - An assignment that seeks to the beginning keeps the memory of keys that it names, so that reading them again goes back. Here it forgets them, as
 *   does a poll after a seek.
 * - A key that was rebalanced within an operation is not judged within it. It is judged by where the process was before, as there.
 * Polls of operations that failed are judged by what the last acknowledged one read, but are not remembered: the client seeks back.
 */
import type { Findings } from './anomalies.js'
import type { AssignOperation, MessagesOperation, PollPart, SendPart } from './client-history.js'
import { isMessages, type ObservedKey, type ObservedLog, told } from './observed-log.js'
import { sweep } from './sweep.js'

/** What is only told, because the workload lets it happen, goes to `observations`. */
export interface OrderFindings {
  readonly findings: Findings
  readonly observations: Findings
}

export function checkOrder(log: ObservedLog, { findings, observations }: OrderFindings): void {
  const subscribes = log.history.some(({ f }) => f === 'subscribe')
  const processes = new Map<number, Process>()
  for (const [at, operation] of log.history.entries()) {
    let process = processes.get(operation.process)
    if (process === undefined) {
      processes.set(operation.process, (process = new Process(log, findings, subscribes ? observations : findings)))
    }
    if (!isMessages(operation)) process.assigned(operation)
    else {
      checkWithin(log, at, operation, { findings, observations })
      process.did(at, operation)
    }
  }
  checkRealtime(log, findings)
  checkSequences(log, findings)
}

/** Between the parts of one operation. */
function checkWithin(
  log: ObservedLog,
  at: number,
  operation: MessagesOperation,
  { findings, observations }: OrderFindings,
): void {
  const { parts, rebalances = [] } = operation
  if (parts.length === 1 && parts[0]!.f === 'send') return
  const rebalanced = new Set(rebalances.flatMap(({ keys }) => keys))
  const polled = new Map<string, number>()
  const sent = new Map<string, number>()
  let next = log.starts[at]!
  for (const part of parts) {
    const key = log.key(part.key)
    if (part.f === 'send') {
      const before = sent.get(part.key)
      const number = log.numbers[next++]!
      sent.set(part.key, number)
      const distance = before === undefined ? 1 : key.distance(before, number)
      if (distance < 1) findings.add('int-nonmonotonic-send', part.key, after(key, before!, number, at, operation))
      else if (distance > 1) observations.add('int-send-skip', part.key, after(key, before!, number, at, operation))
      continue
    }
    if (rebalanced.has(part.key)) {
      next += part.records.length
      continue
    }
    let before = part.sought === true ? undefined : polled.get(part.key)
    for (let left = part.records.length; left > 0; left--) {
      const number = log.numbers[next++]!
      const distance = before === undefined ? 1 : key.distance(before, number)
      if (distance < 1) findings.add('int-nonmonotonic-poll', part.key, after(key, before!, number, at, operation))
      else if (distance > 1) findings.add('int-poll-skip', part.key, passed(key, before!, number, at, operation))
      before = number
    }
    if (before !== undefined) polled.set(part.key, before)
  }
}

function after(key: ObservedKey, before: number, number: number, at: number, operation: MessagesOperation) {
  return (): string => `${key.values[number]} after ${key.values[before]} in ${told(at, operation)}`
}

function passed(key: ObservedKey, before: number, number: number, at: number, operation: MessagesOperation) {
  return (): string => {
    const first = key.values[key.valueAt(key.placeOf(before)! + 1)]
    const count = key.distance(before, number) - 1
    const pair = `${key.values[number]} after ${key.values[before]}`
    return `${pair}, without ${count}, the first of them ${first}, in ${told(at, operation)}`
  }
}

/** Between the operations of one process. */
class Process {
  readonly #log: ObservedLog
  readonly #findings: Findings
  readonly #pollFindings: Findings
  /** By key: the last value that an acknowledged operation polled, and the last that was sent and has a place. */
  readonly #polled = new Map<string, number>()
  readonly #sent = new Map<string, number>()

  constructor(log: ObservedLog, findings: Findings, pollFindings: Findings) {
    this.#log = log
    this.#findings = findings
    this.#pollFindings = pollFindings
  }

  assigned({ outcome, keys, fromBeginning }: AssignOperation): void {
    if (outcome === 'fail') return
    for (const key of [...this.#polled.keys()]) {
      if (fromBeginning === true || !keys.includes(key)) this.#polled.delete(key)
    }
  }

  did(at: number, operation: MessagesOperation): void {
    const polled = new Set<string>()
    const sent = new Set<string>()
    let next = this.#log.starts[at]!
    for (const part of operation.parts) {
      if (part.f === 'poll') this.#poll(at, operation, part, next, polled)
      else this.#send(at, operation, part, next, sent)
      next += part.f === 'poll' ? part.records.length : 1
    }
  }

  /** `first`: where the numbers of the values begin. `begun`: keys that this operation has polled already. */
  #poll(at: number, operation: MessagesOperation, part: PollPart, first: number, begun: Set<string>): void {
    const { key: name, records, sought } = part
    if (sought === true) this.#polled.delete(name)
    if (records.length === 0) return
    const before = begun.has(name) ? undefined : this.#polled.get(name)
    begun.add(name)
    const { numbers } = this.#log
    if (before !== undefined) {
      const number = numbers[first]!
      const key = this.#log.key(name)
      const distance = key.distance(before, number)
      if (distance > 1) this.#pollFindings.add('poll-skip', name, passed(key, before, number, at, operation))
      else if (distance < 1)
        this.#pollFindings.add('nonmonotonic-poll', name, after(key, before, number, at, operation))
    }
    if (operation.outcome === 'ok') this.#polled.set(name, numbers[first + records.length - 1]!)
  }

  #send(at: number, operation: MessagesOperation, part: SendPart, first: number, begun: Set<string>): void {
    const { key: name } = part
    const key = this.#log.key(name)
    const number = this.#log.numbers[first]!
    if (operation.outcome === 'fail' || key.placeOf(number) === undefined) return
    const before = begun.has(name) ? undefined : this.#sent.get(name)
    begun.add(name)
    if (before !== undefined && key.distance(before, number) < 1) {
      this.#findings.add('nonmonotonic-send', name, after(key, before, number, at, operation))
    }
    this.#sent.set(name, number)
  }
}

/** By key: everything that was sent and has a place. */
function sendsWithPlace(log: ObservedLog): Map<ObservedKey, Placed[]> {
  const byKey = new Map<ObservedKey, Placed[]>()
  for (const key of log.keys.values()) byKey.set(key, [])
  for (const [at, operation] of log.history.entries()) {
    if (!isMessages(operation)) continue
    for (const part of operation.parts) {
      if (part.f !== 'send') continue
      const key = log.key(part.key)
      const number = key.numberOf(part.value)
      const place = key.placeOf(number)
      // Where a value was sent twice or stands twice, something else is told already.
      if (place === undefined || key.sentTwice.has(number) || key.duplicates.has(number)) continue
      byKey.get(key)!.push({ at, operation, part, place })
    }
  }
  return byKey
}

interface Placed {
  readonly at: number
  readonly operation: MessagesOperation
  readonly part: SendPart
  readonly place: number
}

function checkRealtime(log: ObservedLog, findings: Findings): void {
  for (const [key, sends] of sendsWithPlace(log)) {
    let highest: Placed | undefined
    sweep(
      sends
        .filter(({ operation }) => operation.outcome === 'ok')
        .map((value) => ({ completedMs: value.operation.completedMs, value })),
      sends.map((question) => ({ invokedMs: question.operation.invokedMs, question })),
      (send) => {
        if (highest === undefined || send.place > highest.place) highest = send
      },
      ({ at, operation, part, place }) => {
        const before = highest
        if (before === undefined || place > before.place) return
        findings.add('send-realtime', key.name, () => {
          const first = `${before.part.value} at offset ${key.offsetAt(before.place)} of ${told(before.at, before.operation)}`
          return `${part.value} at offset ${key.offsetAt(place)} of ${told(at, operation)} was sent after ${first}`
        })
      },
    )
  }
}

/** Of each idempotent producer, by key. */
interface Sequenced {
  readonly value: string
  readonly sequence: number
  /** Undefined: nobody has seen it. */
  readonly place: number | undefined
  readonly isAcknowledged: boolean
}

function checkSequences(log: ObservedLog, findings: Findings): void {
  const byProducer = new Map<string, { readonly key: ObservedKey; readonly sends: Sequenced[] }>()
  for (const operation of log.history) {
    if (!isMessages(operation) || operation.outcome === 'fail') continue
    for (const part of operation.parts) {
      if (part.f !== 'send' || part.producer === undefined || part.sequence === undefined) continue
      const id = `${part.producer}\n${part.key}`
      let known = byProducer.get(id)
      if (known === undefined) byProducer.set(id, (known = { key: log.key(part.key), sends: [] }))
      const number = known.key.numberOf(part.value)
      known.sends.push({
        value: part.value,
        sequence: part.sequence,
        place: known.key.wasPolledOk(number) ? known.key.placeOf(number) : undefined,
        isAcknowledged: operation.outcome === 'ok',
      })
    }
  }
  for (const [id, { key, sends }] of byProducer) {
    const producer = id.slice(0, id.indexOf('\n'))
    let later: Sequenced | undefined
    for (const send of sends.sort((a, b) => b.sequence - a.sequence)) {
      const after = later
      if (send.place === undefined) {
        if (after === undefined || !send.isAcknowledged) continue
        const detail = `producer ${producer}: ${send.value} (${send.sequence}) is missing, ${after.value} (${after.sequence}) is there`
        findings.add('sequence-gap', key.name, () => detail)
        continue
      }
      if (after !== undefined && after.place! < send.place) {
        const detail = `producer ${producer}: ${send.value} (${send.sequence}) stands behind ${after.value} (${after.sequence})`
        findings.add('nonmonotonic-send', key.name, () => detail)
      }
      later = send
    }
  }
}
