/** Histories in lograft's own notation: single sends and polls of one key, with a last reading. */
import type { OffsetListed } from '../../src/check/check-watermarks.js'
import { type Operation, selfDescribing } from '../../src/check/history.js'

export interface Simulated {
  readonly operations: readonly Operation[]
  readonly listed?: readonly OffsetListed[]
}

const KEY = 'orders-0'
const value = (sequence: number): string => selfDescribing(KEY, 1, sequence)

function sent(sequence: number, offset: number, recordKey?: string, deletes?: true): Operation[] {
  const common = { process: 1, f: 'send', key: KEY, value: value(sequence), acks: -1 } as const
  const more = { ...(recordKey === undefined ? {} : { recordKey }), ...(deletes === undefined ? {} : { deletes }) }
  const time = sequence * 10
  return [
    { ...common, ...more, type: 'invoke', time },
    { ...common, ...more, type: 'ok', time: time + 5, offset },
  ]
}

function failed(sequence: number): Operation[] {
  const common = { process: 1, f: 'send', key: KEY, value: value(sequence), acks: -1 } as const
  return [
    { ...common, type: 'invoke', time: sequence * 10 },
    { ...common, type: 'fail', time: sequence * 10 + 5 },
  ]
}

function polled(
  time: number,
  process: number,
  sequences: readonly (readonly [number, number])[],
  more = {},
): Operation {
  const records = sequences.map(([offset, sequence]) => [offset, value(sequence)] as const)
  return { process, time, f: 'poll', type: 'ok', key: KEY, records, ...more }
}

const last = (sequences: readonly (readonly [number, number])[], startOffset = 0): Operation =>
  polled(1_000, 9, sequences, { final: true, seek: true, startOffset })

const three = [...sent(0, 0), ...sent(1, 1), ...sent(2, 2)]

export const SIMULATED: Readonly<Record<string, Simulated>> = {
  'simulated-clean': {
    operations: [
      ...three,
      polled(50, 2, [[0, 0]]),
      last([
        [0, 0],
        [1, 1],
        [2, 2],
      ]),
    ],
  },
  'simulated-lost-write': {
    operations: [
      ...three,
      last([
        [0, 0],
        [2, 2],
      ]),
    ],
  },
  'simulated-lost-read': {
    operations: [
      ...sent(0, 0),
      { process: 1, f: 'send', key: KEY, value: value(1), acks: -1, type: 'invoke', time: 10 },
      polled(50, 2, [
        [0, 0],
        [1, 1],
      ]),
      { process: 1, f: 'send', key: KEY, value: value(1), acks: -1, type: 'info', time: 60 },
      last([[0, 0]]),
    ],
  },
  'simulated-uncommitted-read': {
    operations: [
      ...three,
      polled(
        50,
        2,
        [
          [0, 0],
          [1, 1],
        ],
        { highWatermark: 1 },
      ),
      last([
        [0, 0],
        [1, 1],
        [2, 2],
      ]),
    ],
  },
  'simulated-failed-write-visible': {
    operations: [
      ...sent(0, 0),
      ...failed(1),
      last([
        [0, 0],
        [1, 1],
      ]),
    ],
  },
  'simulated-deleted': {
    operations: [...three, { process: 1, f: 'delete', type: 'ok', time: 500, key: KEY, offset: 2 }, last([[2, 2]], 2)],
  },
  'simulated-deleted-visible': {
    operations: [
      ...three,
      { process: 1, f: 'delete', type: 'ok', time: 500, key: KEY, offset: 2 },
      last(
        [
          [1, 1],
          [2, 2],
        ],
        1,
      ),
    ],
  },
  'simulated-compacted': {
    operations: [
      ...sent(0, 0, 'a'),
      ...sent(1, 1, 'b'),
      ...sent(2, 2, 'a'),
      polled(40, 2, [
        [0, 0],
        [1, 1],
        [2, 2],
      ]),
      last([
        [1, 1],
        [2, 2],
      ]),
    ],
  },
  'simulated-resurrected': {
    operations: [
      ...sent(0, 0, 'a'),
      ...sent(1, 1, 'b'),
      ...sent(2, 2, 'a', true),
      polled(40, 2, [
        [0, 0],
        [1, 1],
        [2, 2],
      ]),
      last([
        [0, 0],
        [1, 1],
      ]),
    ],
  },
  'simulated-not-read-to-the-end': {
    operations: [
      ...three,
      polled(50, 2, [
        [0, 0],
        [1, 1],
        [2, 2],
      ]),
    ],
  },
}
