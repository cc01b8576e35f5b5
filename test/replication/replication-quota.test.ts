/** The rate of throttled replicas, over samples. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReplicationQuota } from '../../src/replication/replication-quota.js'

test('the rate is over the time since the oldest sample, one sample at least, and what is older than all of them is forgotten', () => {
  const quota = new ReplicationQuota({ samples: 3, sampleMs: 1000 })
  assert.equal(quota.bytesPerSecond(500), 0)
  quota.count(3000, 500)
  assert.equal(quota.bytesPerSecond(500), 3000)
  assert.equal(quota.bytesPerSecond(1500), 3000)
  assert.equal(quota.bytesPerSecond(2500), 1500)
  quota.count(1000, 2500)
  assert.equal(quota.bytesPerSecond(2500), 2000)
  // The first sample is out of the window, the second is not.
  assert.equal(quota.bytesPerSecond(3500), 400)
  assert.equal(quota.bytesPerSecond(5000), 0)
  assert.equal(quota.bytesPerSecond(50_000), 0)
})

test('what waits until the mean is below a rate comes at that rate, but for one piece', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 100, max: 5000 }),
      fc.integer({ min: 1000, max: 1_000_000 }),
      fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 20, maxLength: 200 }),
      (samples, sampleMs, rate, pieces) => {
        const quota = new ReplicationQuota({ samples, sampleMs })
        let nowMs = 12_345
        const beganMs = nowMs
        let sent = 0
        for (const bytes of pieces) {
          while (quota.bytesPerSecond(nowMs) > rate) nowMs += 10
          quota.count(bytes, nowMs)
          sent += bytes
        }
        // A piece may go beyond in each window, and at its edges.
        const windows = 2 + Math.ceil((nowMs - beganMs) / (samples * sampleMs))
        const most = (rate * (nowMs - beganMs + windows * sampleMs)) / 1000 + windows * 2 * 10_000
        assert.ok(sent <= most, `${sent} of at most ${most}`)
      },
    ),
  )
})
