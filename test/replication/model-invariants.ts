/**
 * What must hold in the model world after every event (`design/correctness.md` 4.1): what was committed once is so for ever and the same everywhere, and
 * whoever may be made leader has all of it.
 */
import { assert } from '../../src/base/assert.js'
import type { ModelPartition } from './model-partition.js'
import type { ModelRecord, ModelReplica } from './model-replica.js'

export class ModelInvariants {
  readonly #world: ModelPartition
  /** By offset: what any leader has counted as committed. */
  readonly #committed: ModelRecord[] = []
  readonly #acknowledged = new Set<number>()
  /** What is in front of it is gone, as somebody was told. */
  #deletedUpTo = 0
  /** How often somebody was told so. */
  deletions = 0
  readonly #highWatermarks = new Map<object, number>()

  constructor(world: ModelPartition) {
    this.#world = world
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size
  }

  /** The end of the log of the leader that there is. */
  readonly lastProduced = (): number => {
    const { leader } = this.#world.controller.view
    return leader > 0 ? this.#world.replica(leader).log.nextOffset : -1
  }

  acknowledged(value: number): void {
    this.#acknowledged.add(value)
    assert(
      this.#committed.some((record) => record.value === value),
      () => `${value} is acknowledged and not committed`,
    )
  }

  deleted(offset: number): void {
    this.#deletedUpTo = Math.max(this.#deletedUpTo, offset)
    this.deletions++
  }

  /** A leader's high watermark may have moved. */
  committed({ id, leader, log }: ModelReplica): void {
    if (leader === undefined) return
    const { highWatermark } = leader
    assert(
      highWatermark <= log.nextOffset,
      () => `replica ${id} has committed up to ${highWatermark} of ${log.nextOffset}`,
    )
    const before = this.#highWatermarks.get(leader) ?? 0
    assert(highWatermark >= before, () => `the high watermark of ${id} went back from ${before} to ${highWatermark}`)
    this.#highWatermarks.set(leader, highWatermark)
    for (let offset = log.startOffset; offset < highWatermark; offset++) {
      const record = log.records[offset]!
      const known = this.#committed[offset]
      if (known === undefined) this.#committed.push(record)
      else this.#same(known, record, offset, id)
    }
  }

  check(): void {
    const { replicas, controller } = this.#world
    const { isr, leader } = controller.view
    assert(isr.length > 0, () => 'nobody is in sync')
    assert(leader < 0 || isr.includes(leader), () => `${leader} leads and is not in sync: ${isr}`)
    for (const replica of replicas) {
      this.committed(replica)
      const { id, log, lives } = replica
      if (!lives || !isr.includes(id)) continue
      const end = this.#world.options.flushPolicy === 'commit' ? log.flushedEndOffset : log.nextOffset
      assert(end >= this.#committed.length, () => `${id} is in sync and has ${end} of ${this.#committed.length}`)
      for (const [offset, record] of this.#committed.entries()) {
        if (offset >= log.startOffset) this.#same(record, log.records[offset]!, offset, id)
      }
    }
    for (const { id, log } of replicas) {
      assert(
        !isr.includes(id) || log.startOffset >= this.#deletedUpTo,
        () => `${id} is in sync and has what was deleted from ${log.startOffset} to ${this.#deletedUpTo}`,
      )
    }
  }

  #same(known: ModelRecord, record: ModelRecord, offset: number, id: number): void {
    assert(
      known.value === record.value && known.leaderEpoch === record.leaderEpoch,
      () =>
        `at ${offset} ${known.value} of epoch ${known.leaderEpoch} is committed, and ${id} has ${record.value} of ${record.leaderEpoch}`,
    )
  }
}
