/** Reassignments on their way: waited for, and taken back. */
import type { TestBed } from '../beds/bed.js'
import { until } from '../beds/time.js'
import { ASK_LIMIT_MS, asking } from './asking.js'
import { type Reassignment, reassign, reassignments } from './requests.js'

const MOVE_LIMIT_MS = 20_000

/** Those that have not come to an end in a while. Rejects where nobody says. */
export async function settled(bed: TestBed, moved: readonly Reassignment[]): Promise<readonly Reassignment[]> {
  const underWay = async (): Promise<readonly Reassignment[]> => {
    const all = await asking(bed, bed.bootstrap, reassignments, ASK_LIMIT_MS)
    return all.filter((each) => moved.some(({ topic, partition }) => isSame(each, topic, partition)))
  }
  try {
    const done = async () => ((await underWay()).length === 0 ? true : undefined)
    await until(bed.time, MOVE_LIMIT_MS, 'the end of reassignments', done)
    return []
  } catch {
    return underWay()
  }
}

/** Takes them back. */
export async function cancel(bed: TestBed, moves: readonly Reassignment[]): Promise<void> {
  const none = moves.map(({ topic, partition }) => ({ topic, partition, replicas: null }))
  await asking(bed, bed.bootstrap, (asked) => reassign(asked, none), ASK_LIMIT_MS)
}

export function isSame(each: Reassignment, topic: string, partition: number): boolean {
  return each.topic === topic && each.partition === partition
}
