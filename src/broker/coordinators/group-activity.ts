/** What groups that are coordinated here have done since the start: plain numbers, added to as it happens and looked at when a monitor asks. */
import type { GroupRecord } from '../../coordinator/group/group-records.js'
import type { GroupNote } from '../../coordinator/group/rebalance-history.js'

export class GroupActivity {
  /** Offsets that were committed. */
  commits = 0
  /** Offsets that were forgotten: expired, or deleted by themselves, with their group or with their topic. */
  removals = 0
  /** Rounds that ended with an assignment, by the type of the group. */
  readonly rebalances = { classic: 0, consumer: 0 }

  appended(records: readonly GroupRecord[]): void {
    for (const { type, value } of records) {
      if (type !== 'OffsetCommit') continue
      if (value === null) this.removals++
      else this.commits++
    }
  }

  noted({ what, type }: GroupNote): void {
    if (what === 'assigned') this.rebalances[type]++
  }
}
