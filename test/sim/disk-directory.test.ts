/**
 * Names on the simulated disk: for each small history the set of what a power loss may leave, written by hand, is what many seeds leave.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Prng } from '../../src/base/prng.js'
import { SimulatedDirectory } from '../../src/sim/disk-directory.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { NameModel } from './name-model.js'

const SEEDS = 300

/** A file with a durable content, so that it can be told from others. */
function file(content: string): SimulatedFile {
  const made = new SimulatedFile()
  made.write(0, Buffer.from(content))
  made.endFlush(made.beginFlush(), true)
  return made
}

/** `name=content`, sorted. */
function show(directory: SimulatedDirectory): string {
  const entry = (name: string): string => {
    const found = directory.get(name)!
    return found instanceof SimulatedFile ? found.content.toString() : `(${show(found)})`
  }
  return directory.names.map((name) => `${name}=${entry(name)}`).join(' ')
}

function outcomes(make: (directory: SimulatedDirectory) => void): string[] {
  const seen = new Set<string>()
  for (let seed = 0; seed < SEEDS; seed++) {
    const directory = new SimulatedDirectory()
    make(directory)
    const before = show(directory)
    directory.losePower(new Prng(seed))
    const after = show(directory)
    seen.add(after)
    directory.losePower(new Prng(seed + 1))
    assert.equal(show(directory), after, `what one power loss has left (of ${before}) no other takes`)
  }
  return [...seen].sort()
}

function flush(directory: SimulatedDirectory): void {
  directory.endFlush(directory.beginFlush(), true)
}

test('names that were not flushed are kept or lost, each by itself', () => {
  const seen = outcomes((directory) => {
    directory.set('a', file('1'))
    directory.set('b', file('2'))
  })
  assert.deepEqual(seen, ['', 'a=1', 'a=1 b=2', 'b=2'])
})

test('names that were flushed are kept; those that came later are not certain', () => {
  const seen = outcomes((directory) => {
    directory.set('a', file('1'))
    const changes = directory.beginFlush()
    directory.set('b', file('2'))
    directory.endFlush(changes, true)
  })
  assert.deepEqual(seen, ['a=1', 'a=1 b=2'])
})

test('a failed flush of names keeps nothing, and forgets nothing: a later one has them', () => {
  const failed = (directory: SimulatedDirectory): void => {
    directory.set('a', file('1'))
    directory.endFlush(directory.beginFlush(), false)
  }
  assert.deepEqual(outcomes(failed), ['', 'a=1'])
  const flushed = outcomes((directory) => {
    failed(directory)
    flush(directory)
  })
  assert.deepEqual(flushed, ['a=1'])
})

test('a removal may be undone until it is flushed', () => {
  const removed = (directory: SimulatedDirectory): void => {
    directory.set('a', file('1'))
    flush(directory)
    directory.remove('a')
  }
  assert.deepEqual(outcomes(removed), ['', 'a=1'])
  const flushed = outcomes((directory) => {
    removed(directory)
    flush(directory)
  })
  assert.deepEqual(flushed, [''])
})

test('a rename has both its names or neither', () => {
  const seen = outcomes((directory) => {
    directory.set('old', file('1'))
    flush(directory)
    directory.rename('old', 'new')
  })
  assert.deepEqual(seen, ['new=1', 'old=1'])
})

test('a rename over another file leaves the one or the other under the name, never none', () => {
  const seen = outcomes((directory) => {
    directory.set('name', file('before'))
    flush(directory)
    directory.set('name.tmp', file('after'))
    directory.rename('name.tmp', 'name')
  })
  assert.deepEqual(seen, ['name=after', 'name=before', 'name=before name.tmp=after'])
})

test('no change survives without the earlier ones of its names', () => {
  const seen = outcomes((directory) => {
    directory.set('a', file('1'))
    directory.rename('a', 'b')
    directory.remove('b')
    directory.set('b', file('2'))
  })
  assert.deepEqual(seen, ['', 'a=1', 'b=1', 'b=2'].sort())
})

test('what is in a directory whose name is lost is lost with it', () => {
  const seen = outcomes((directory) => {
    const inner = new SimulatedDirectory()
    directory.set('d', inner)
    inner.set('a', file('1'))
    flush(inner)
  })
  assert.deepEqual(seen, ['', 'd=(a=1)'])
})

test('a power loss goes into the files and directories that are left', () => {
  const seen = outcomes((directory) => {
    const inner = new SimulatedDirectory()
    directory.set('d', inner)
    flush(directory)
    const content = file('old')
    inner.set('a', content)
    flush(inner)
    content.write(0, Buffer.from('new'))
    inner.set('b', file('2'))
  })
  assert.deepEqual(seen, ['d=(a=new b=2)', 'd=(a=new)', 'd=(a=old b=2)', 'd=(a=old)'].sort())
})

test('flushes of a directory that end out of order take nothing back', () => {
  const seen = outcomes((directory) => {
    directory.set('a', file('1'))
    const first = directory.beginFlush()
    directory.remove('a')
    directory.set('a', file('2'))
    flush(directory)
    directory.endFlush(first, true)
  })
  assert.deepEqual(seen, ['a=2'])
})

type Step =
  | { readonly kind: 'set'; readonly name: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'flush' }

const name = fc.constantFrom('a', 'b', 'c')
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), name }),
  fc.record({ kind: fc.constant('remove' as const), name }),
  fc.record({ kind: fc.constant('rename' as const), name, to: name }),
  fc.record({ kind: fc.constant('flush' as const) }),
)

test('whatever is done with a few names, a power loss leaves one of the legal subsets', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.nat(), (steps, seed) => {
      const directory = new SimulatedDirectory()
      const model = new NameModel<string>()
      for (const [n, each] of steps.entries()) {
        if (each.kind === 'flush') {
          flush(directory)
          model.flush()
        } else if (each.kind === 'set') {
          directory.set(each.name, file(String(n)))
          model.set(each.name, String(n))
        } else if (each.kind === 'remove') {
          directory.remove(each.name)
          model.remove(each.name)
        } else if (model.names.has(each.name) && each.to !== each.name) {
          directory.rename(each.name, each.to)
          model.rename(each.name, each.to)
        }
        assert.deepEqual(directory.names, [...model.names.keys()].sort())
      }
      const possible = new Set(model.legal().map(showNames))
      directory.losePower(new Prng(seed))
      assert.ok(possible.has(show(directory)), `${show(directory)} is none of ${[...possible].join(', ')}`)
    }),
    { numRuns: 2000 },
  )
})

function showNames(names: ReadonlyMap<string, string>): string {
  const sorted = [...names].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([each, content]) => `${each}=${content}`).join(' ')
}
