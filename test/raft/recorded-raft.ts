/** A `RaftNode` whose inputs are recorded as a shell would: plain data, without the batches' bytes. */
import { FlightRecorder } from '../../src/base/flight-recorder.js'
import { recordedRandom } from '../../src/broker/recorded-random.js'
import type { Random } from '../../src/io/random.js'
import type { PeerResponse } from '../../src/raft/messages.js'
import type { RaftNode } from '../../src/raft/raft-node.js'
import { recordedResponse } from '../../src/raft/recorded-response.js'
import { VoterSet } from '../../src/raft/voter-set.js'
import type { ModelBatch } from './model-disk.js'

/** Enough that nothing is dropped. */
const ENTRIES = 1_000_000

export const RECORDED_INPUTS: readonly (keyof RaftNode<ModelBatch>)[] = [
  'answered',
  'appendFailed',
  'disconnected',
  'failed',
  'logStartMoved',
  'persisted',
  'propose',
  'resign',
  'snapshotFailed',
  'snapshotLoaded',
  'snapshotPiece',
  'snapshotTaken',
  'stateSaved',
  'step',
  'tick',
  'truncated',
]

export function recordedRaft(
  make: (random: Random) => RaftNode<ModelBatch>,
  random: Random,
): { readonly raft: RaftNode<ModelBatch>; readonly recorder: FlightRecorder } {
  const recorder = new FlightRecorder(ENTRIES)
  const track = recorder.track('quorum', 'raft', () => raft.capture())
  const raft = make(recordedRandom(random, track))
  const handler: ProxyHandler<RaftNode<ModelBatch>> = {
    get: (node, name: keyof RaftNode<ModelBatch>) => {
      const member: unknown = node[name]
      if (typeof member !== 'function') return member
      return (...args: readonly unknown[]): unknown => {
        if (RECORDED_INPUTS.includes(name)) track(name, ...plainArguments(name, args))
        return member.apply(node, args)
      }
    },
  }
  return { raft: new Proxy(raft, handler), recorder }
}

function plainArguments(name: string, args: readonly unknown[]): readonly unknown[] {
  if (name === 'propose') return [args[1]]
  if (name === 'answered') return [args[0], recordedResponse(args[1] as PeerResponse<ModelBatch>), args[2]]
  return args.map((each) => (each instanceof VoterSet ? each.voters : each))
}
