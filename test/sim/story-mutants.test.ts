/** What can be said of mutants without running them: they apply to the sources as they are, and no story of replication is without one. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CLONE, type Patch } from '../mutants/build-copy.js'
import { CLUSTER_MUTANTS } from '../mutants/cluster-mutants.js'
import { GROUP_MUTANTS } from '../mutants/group-mutants.js'
import { MUTANTS } from '../mutants/mutants.js'
import { REPLICATION_MUTANTS } from '../mutants/replication-mutants.js'
import { STORY_MUTANTS } from '../mutants/story-mutants.js'
import { RAFT_MUTANTS } from '../raft/mutants/raft-mutants.js'

const STORIES = 27
/** Of the published specifications; the first is that of a cluster, and those of transactions and groups come with these. */
const GUARDS = [2, 3, 4, 5, 6, 7, 8, 9, 10]

const ALL: readonly (Patch & { readonly name: string })[] = [
  ...MUTANTS,
  ...CLUSTER_MUTANTS,
  ...REPLICATION_MUTANTS,
  ...GROUP_MUTANTS,
  ...STORY_MUTANTS,
  ...RAFT_MUTANTS.map((mutant) => ({ ...mutant, file: join('src', 'raft', mutant.file) })),
]

test('every mutant has a name of its own, and what it changes stands in the sources once', () => {
  assert.equal(new Set(ALL.map(({ name }) => name)).size, ALL.length)
  for (const { name, also = [], ...first } of ALL) {
    for (const { file, from, to } of [first, ...also]) {
      const parts = readFileSync(join(CLONE, file), 'utf8').split(from)
      assert.equal(parts.length, 2, `${name}: "${from}" in ${file}`)
      assert.notEqual(from, to, name)
    }
  }
})

test('no story of replication is without a mutant, and no guard', () => {
  for (let n = 1; n <= STORIES; n++) {
    const story = `R${String(n).padStart(2, '0')}`
    assert.ok(
      STORY_MUTANTS.some((mutant) => mutant.story.startsWith(story)),
      story,
    )
  }
  for (const n of GUARDS) {
    assert.equal(STORY_MUTANTS.filter(({ name }) => name.startsWith(`guard-${n}-`)).length, 1, `guard ${n}`)
  }
})
