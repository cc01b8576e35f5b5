/**
 * The definitions of a few anomalies of workloads once more, in the shortest words and without a thought for time: what the checker's verdict is
 * compared with on small histories.
 */
import type { ClientOperation, MessagesOperation, PollPart, SendPart } from '../../src/check/client-history.js'

type Messages = MessagesOperation

const isMessages = (each: ClientOperation): each is Messages => each.f !== 'assign' && each.f !== 'subscribe'
const sendsOf = ({ parts }: Messages, key: string): SendPart[] =>
  parts.filter((part): part is SendPart => part.f === 'send' && part.key === key)
const pollsOf = ({ parts }: Messages, key: string): PollPart[] =>
  parts.filter((part): part is PollPart => part.f === 'poll' && part.key === key)
const polledBy = (operation: Messages, key: string): string[] =>
  pollsOf(operation, key).flatMap(({ records }) => records.map(([, value]) => value))
const sentBy = (operation: Messages, key: string): string[] => sendsOf(operation, key).map(({ value }) => value)

/** "anomaly key", sorted; of cycles only the anomaly, with a star where it is an observation. */
export function judgeSlowly(history: readonly ClientOperation[], keys: readonly string[]): string[] {
  const found = new Set<string>()
  const messages = history.filter(isMessages)
  const ok = messages.filter(({ outcome }) => outcome === 'ok')
  const orders = new Map<string, readonly string[]>()
  for (const key of keys) {
    const isRead = (value: string): boolean => ok.some((each) => polledBy(each, key).includes(value))
    const cells = new Map<number, Set<string>>()
    const stands = (offset: number, value: string): void => {
      cells.set(offset, (cells.get(offset) ?? new Set()).add(value))
    }
    for (const operation of messages) {
      const isThere = mustHaveCommitted(operation, ok)
      for (const part of operation.parts) {
        if (part.key !== key) continue
        if (part.f === 'poll') for (const [offset, value] of part.records) stands(offset, value)
        else if (isThere && part.offset !== undefined) stands(part.offset, part.value)
      }
    }
    const log = [...cells].sort(([a], [b]) => a - b).map(([, values]) => [...values])
    const order = log.map((values) => values[0]!)
    orders.set(key, order)
    const indexOf = (value: string): number => order.lastIndexOf(value)
    const distance = (a: string, b: string): number => (indexOf(a) < 0 || indexOf(b) < 0 ? 1 : indexOf(b) - indexOf(a))

    if (log.some((values) => values.length > 1)) found.add(`inconsistent-offsets ${key}`)
    const known = new Set(log.flat())
    for (const value of known) {
      if (log.filter((values) => values.includes(value)).length > 1) found.add(`duplicate ${key}`)
    }
    const firsts = ok
      .flatMap((each) => polledBy(each, key))
      .map((value) => log.findIndex((cell) => cell.includes(value)))
    const bound = Math.max(-1, ...firsts)
    for (const value of known) {
      const writer = messages.find((each) => sentBy(each, key).includes(value))
      if (log.findLastIndex((cell) => cell.includes(value)) > bound || isRead(value)) continue
      if (writer !== undefined && mustHaveCommitted(writer, ok)) found.add(`lost-write ${key}`)
    }
    for (const operation of messages) {
      const [sent, polled] = [sentBy(operation, key), polledBy(operation, key)]
      if (operation.outcome === 'ok' && sent.some((value) => !isRead(value))) found.add(`unseen ${key}`)
      if (operation.outcome === 'fail' && sent.some(isRead)) found.add(`G1a ${key}`)
      if (sent.some((value) => polled.includes(value))) found.add(`precommitted-read ${key}`)
      if (polled.some((value) => !messages.some((each) => sentBy(each, key).includes(value))))
        found.add(`phantom ${key}`)
      for (let at = 1; at < polled.length; at++) {
        if (distance(polled[at - 1]!, polled[at]!) > 1) found.add(`int-poll-skip ${key}`)
        if (distance(polled[at - 1]!, polled[at]!) < 1) found.add(`int-nonmonotonic-poll ${key}`)
      }
      for (let at = 1; at < sent.length; at++) {
        if (distance(sent[at - 1]!, sent[at]!) < 1) found.add(`int-nonmonotonic-send ${key}`)
      }
    }
    for (const [at, operation] of history.entries()) {
      if (!isMessages(operation)) continue
      const polled = polledBy(operation, key)[0]
      const last = polled === undefined ? undefined : lastPolled(history.slice(0, at), operation.process, key)
      if (last === undefined) continue
      if (distance(last, polled!) > 1) found.add(`poll-skip ${key}`)
      if (distance(last, polled!) < 1) found.add(`nonmonotonic-poll ${key}`)
    }
    for (const a of ok) {
      for (const b of messages) {
        if (a.completedMs >= b.invokedMs) continue
        for (const before of sentBy(a, key)) {
          for (const after of sentBy(b, key)) {
            const isOnce = [before, after].every((value) => log.filter((cell) => cell.includes(value)).length === 1)
            if (isOnce && distance(before, after) < 1) found.add(`send-realtime ${key}`)
          }
        }
      }
    }
  }
  for (const cycle of cyclesOf(messages, keys, orders)) found.add(cycle)
  return [...found].sort()
}

function mustHaveCommitted({ outcome, parts }: Messages, ok: readonly Messages[]): boolean {
  if (outcome !== 'info') return outcome === 'ok'
  return parts.some((part) => part.f === 'send' && ok.some((each) => polledBy(each, part.key).includes(part.value)))
}

function lastPolled(before: readonly ClientOperation[], process: number, key: string): string | undefined {
  for (const operation of before.toReversed()) {
    if (operation.process !== process) continue
    if (!isMessages(operation)) {
      if (operation.outcome !== 'fail' && !operation.keys.includes(key)) return undefined
    } else if (operation.outcome === 'ok') {
      const last = polledBy(operation, key).at(-1)
      if (last !== undefined) return last
    }
  }
  return undefined
}

type Matrix = boolean[][]

/** Who can be reached from whom. */
function closure(edges: readonly Matrix[]): Matrix {
  const size = edges[0]!.length
  const reach = edges[0]!.map((row, a) => row.map((_, b) => a !== b && edges.some((each) => each[a]![b]!)))
  for (let c = 0; c < size; c++) {
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) if (reach[a]![c]! && reach[c]![b]!) reach[a]![b] = true
    }
  }
  return reach
}

function cyclesOf(
  messages: readonly Messages[],
  keys: readonly string[],
  orders: ReadonlyMap<string, readonly string[]>,
): string[] {
  const edges = (is: (a: Messages, b: Messages) => boolean): Matrix =>
    messages.map((a) => messages.map((b) => is(a, b)))
  const ww = edges((a, b) =>
    keys.some((key) => {
      const order = orders.get(key)!
      return order.some((value, at) => sentBy(b, key).includes(value) && sentBy(a, key).includes(order[at - 1] ?? ''))
    }),
  )
  const wr = edges((a, b) => keys.some((key) => polledBy(b, key).some((value) => sentBy(a, key).includes(value))))
  const process = edges((a, b) => {
    const own = messages.filter((each) => each.process === a.process && each.outcome === 'ok')
    return own.includes(a) && own.indexOf(b) > own.indexOf(a)
  })
  const time = edges((a, b) => a.outcome === 'ok' && b.outcome !== 'fail' && a.completedMs < b.invokedMs)
  const kinds: [string, Matrix, Matrix[], Matrix[][]][] = [
    ['G0*', ww, [ww], []],
    ['G0-process*', ww, [ww, process], [[ww]]],
    ['G0-realtime*', ww, [ww, process, time], [[ww, process]]],
    ['G1c', wr, [wr], []],
    ['G1c-process', wr, [wr, process], [[wr]]],
    ['G1c-realtime', wr, [wr, process, time], [[wr, process]]],
    ['G1c*', wr, [ww, wr], [[wr]]],
    [
      'G1c-process*',
      wr,
      [ww, wr, process],
      [
        [ww, wr],
        [wr, process],
      ],
    ],
    [
      'G1c-realtime*',
      wr,
      [ww, wr, process, time],
      [
        [ww, wr, process],
        [wr, process, time],
      ],
    ],
  ]
  return kinds.flatMap(([name, through, all, smaller]) => {
    const reach = closure(all)
    const without = smaller.map(closure)
    const isThere = through.some((row, a) =>
      row.some((is, b) => is && a !== b && reach[b]![a]! && !without.some((each) => each[a]![b]! && each[b]![a]!)),
    )
    return isThere ? [name] : []
  })
}
