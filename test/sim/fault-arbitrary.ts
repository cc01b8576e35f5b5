/** Fault scripts for fast-check: any faults at any time, that shrink to fewer, shorter and earlier ones. */
import fc from 'fast-check'
import { CLUSTER_FAULTS, type ClusterFaultKind, type FaultScript, type TimedFault } from '../../src/sim/fault-script.js'

export interface ArbitraryScript {
  readonly lengthMs: number
  readonly maxFaults: number
  readonly kinds?: readonly ClusterFaultKind[]
}

export function faultScripts({
  lengthMs,
  maxFaults,
  kinds = CLUSTER_FAULTS,
}: ArbitraryScript): fc.Arbitrary<FaultScript> {
  const fault: fc.Arbitrary<TimedFault> = fc.record({
    atMs: fc.integer({ min: 0, max: lengthMs }),
    kind: fc.constantFrom(...kinds),
    target: fc.oneof(fc.nat({ max: 6 }), fc.constant('leader' as const)),
    others: fc.nat({ max: 127 }),
    durationMs: fc.integer({ min: 0, max: lengthMs }),
    strength: fc.nat({ max: 10 }).map((tenths) => tenths / 10),
  })
  return fc.array(fault, { maxLength: maxFaults })
}
