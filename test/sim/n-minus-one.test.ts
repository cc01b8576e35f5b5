/** The N-1 profiles claim what they say, and what lacks a condition loses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { N_MINUS_ONE, N_MINUS_ONE_NAMES, type NMinusOneProfile, rolesOf } from '../../src/sim/n-minus-one.js'
import { runNMinusOneSeed, runProfileSeed } from '../../src/sim/n-minus-one-scenario.js'
import { failureOf } from '../../src/sim/run-seeds.js'

test('every profile has as many brokers as replicas, and one replica that does not fail where it goes on', () => {
  for (const name of N_MINUS_ONE_NAMES) {
    const profile: NMinusOneProfile = N_MINUS_ONE[name]
    const brokers = rolesOf(profile).filter((role) => role !== 'controller').length
    assert.ok(brokers >= profile.replicationFactor, name)
    let failures = 0
    for (const stage of profile.stages) {
      failures += stage.failures
      if (stage.after === 'goes on' && stage.othersReturn !== true)
        assert.ok(failures < profile.replicationFactor, name)
    }
    assert.equal(profile.lost !== 'nothing', name.startsWith('control-'), name)
  }
})

const LOOKED_AT = [
  'rf3-min2',
  'three-separate',
  'clean-election',
  'os-boot-id',
  'control-acks-1',
  'control-unclean',
  'control-boot-id',
] as const

for (const name of LOOKED_AT) {
  test(`a seed of ${name} is as it should be, and the same again`, () => {
    const report = runNMinusOneSeed(name, 1)
    assert.equal(failureOf(name, report), undefined)
    assert.ok(report.acknowledged >= 300, `${report.acknowledged} records`)
    assert.ok(report.checks['replicas have the same bytes']! >= 9)
    const { stages } = N_MINUS_ONE[name]
    const failures = stages.reduce((sum, stage) => sum + stage.failures, 0)
    assert.equal(report.script.length, failures)
    const isGoingOn = stages.some(({ after }) => after === 'goes on')
    assert.equal(report.checks['records acknowledged after the last failure']! > 0, isGoingOn)
    if (name === 'rf3-min2') assert.equal(runNMinusOneSeed(name, 1).hash, report.hash)
  })
}

test('a control in which nothing is lost has failed, and so has a profile in which something is', () => {
  const report = runNMinusOneSeed('control-os-power-loss', 1)
  assert.equal(failureOf('control-os-power-loss', report), undefined)
  assert.match(failureOf('rf3-os', report) ?? '', /findings, the first: /)
  assert.match(failureOf('control-acks-1', { ...report, findings: [] }) ?? '', /nothing was lost/)
})

test('where the boot id is ignored, somebody leads who has lost something, and that is seen: by who leads, and inside', () => {
  assert.throws(() => runProfileSeed({ ...N_MINUS_ONE['os-boot-id'], bootIdIgnored: true }, 2), /partitions are led/)
  assert.throws(() => runProfileSeed({ ...N_MINUS_ONE['control-boot-id'], lost: 'nothing' }, 1), /is committed/)
})
