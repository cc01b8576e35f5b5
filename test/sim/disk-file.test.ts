/**
 * The simulated file against lists of what a power loss may leave, written by hand: each outcome of a list is seen over many seeds, and no
 * other. Then random histories against a naive model that keeps every content of every sector for ever.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Prng } from '../../src/base/prng.js'
import { type PendingFlush, SECTOR_BYTES, SimulatedFile } from '../../src/sim/disk-file.js'
import { SectorModel } from './sector-model.js'

const SEEDS = 400

/** What the power losses of many seeds leave of a file with this history, sorted. */
function outcomes(
  make: (file: SimulatedFile) => void,
  show = (content: Buffer) => content.toString('latin1'),
): string[] {
  const seen = new Set<string>()
  for (let seed = 0; seed < SEEDS; seed++) {
    const file = new SimulatedFile()
    make(file)
    file.losePower(new Prng(seed))
    assert.deepEqual(file.content, file.durableContent, 'what is read after a power loss is what the device holds')
    seen.add(show(file.content))
  }
  return [...seen].sort()
}

function append(file: SimulatedFile, text: string): void {
  file.write(file.sizeBytes, Buffer.from(text))
}

function flush(file: SimulatedFile, succeeded = true): void {
  file.endFlush(file.beginFlush(), succeeded)
}

/** A letter for each sector: its own, `0` for zeros, `?` for anything else. */
function bySector(content: Buffer): string {
  let text = ''
  for (let at = 0; at < content.length; at += SECTOR_BYTES) {
    const sector = content.subarray(at, at + SECTOR_BYTES)
    const first = sector[0]!
    const uniform = sector.every((byte) => byte === first)
    text += !uniform ? '?' : first === 0 ? '0' : String.fromCharCode(first)
  }
  return text
}

const sectors = (letters: string): string => [...letters].map((letter) => letter.repeat(SECTOR_BYTES)).join('')

test('what was flushed is there after a power loss, whatever the seed', () => {
  assert.deepEqual(
    outcomes((file) => {
      append(file, 'kept')
      flush(file)
    }),
    ['kept'],
  )
})

test('of two appends to a flushed sector a power loss leaves any size with any content', () => {
  const seen = outcomes((file) => {
    append(file, 'aaaa')
    flush(file)
    append(file, 'bb')
    append(file, 'cc')
  })
  const legal = ['aaaa', 'aaaa\0\0', 'aaaabb', 'aaaa\0\0\0\0', 'aaaabb\0\0', 'aaaabbcc']
  assert.deepEqual(seen, legal.sort())
})

test('of a write over two new sectors a power loss leaves any of them, zeros or rubbish for the other', () => {
  const seen = outcomes((file) => append(file, sectors('AB')), bySector)
  // Rubbish only behind the last sector that was ever on the device.
  assert.deepEqual(seen, ['', '00', '0B', '??', 'A0', 'A?', 'AB'].sort())
})

test('a rewritten sector has its old or its new content, each sector by itself', () => {
  const seen = outcomes((file) => {
    append(file, sectors('abc'))
    flush(file)
    file.write(0, Buffer.from(sectors('AB')))
  }, bySector)
  assert.deepEqual(seen, ['ABc', 'Abc', 'aBc', 'abc'].sort())
})

test('a cut is undone by a power loss, or not, and what was behind it may come back', () => {
  const cut = (file: SimulatedFile): void => {
    append(file, 'abcdef')
    flush(file)
    file.truncate(3)
  }
  assert.deepEqual(outcomes(cut), ['abc', 'abc\0\0\0', 'abcdef'].sort())
  const flushed = outcomes((file) => {
    cut(file)
    flush(file)
  })
  assert.deepEqual(flushed, ['abc'])
})

test('what was cut and written anew is old or new, never a mixture within a sector', () => {
  const seen = outcomes((file) => {
    append(file, sectors('ab'))
    flush(file)
    file.truncate(0)
    append(file, sectors('XY'))
  }, bySector)
  assert.deepEqual(seen, ['', 'ab', 'aY', 'Xb', 'XY'].sort())
})

test('a flush makes durable what was there when it began, not what came meanwhile', () => {
  const seen = outcomes((file) => {
    append(file, 'early')
    const pending = file.beginFlush()
    append(file, ' late')
    file.endFlush(pending, true)
  })
  assert.deepEqual(seen, ['early', 'early\0\0\0\0\0', 'early late'].sort())
})

test('a failed flush drops what it was to write: no later flush brings it back', () => {
  const seen = outcomes((file) => {
    append(file, sectors('a'))
    flush(file)
    append(file, sectors('b'))
    flush(file, false)
    append(file, sectors('c'))
    flush(file)
  }, bySector)
  // The size is that of the last flush, and the hole in it may or may not be filled.
  assert.deepEqual(seen, ['a0c', 'abc'])
})

test('what is written again after a failed flush is durable with the next one', () => {
  const seen = outcomes((file) => {
    append(file, 'lost?')
    flush(file, false)
    file.write(0, Buffer.from('lost?'))
    flush(file)
  })
  assert.deepEqual(seen, ['lost?'])
})

test('what was written again while a flush failed is still dirty', () => {
  const seen = outcomes((file) => {
    append(file, 'a')
    const failing = file.beginFlush()
    append(file, 'b')
    file.endFlush(failing, false)
    flush(file)
  })
  assert.deepEqual(seen, ['ab'])
})

test('many writes to a sector during a flush do not bring back what was there before it', () => {
  const seen = outcomes((file) => {
    file.write(0, Buffer.from('1'))
    file.write(0, Buffer.from('2'))
    const pending = file.beginFlush()
    for (const digit of '34567') file.write(0, Buffer.from(digit))
    file.endFlush(pending, true)
  })
  assert.ok(!seen.includes('1'), `${seen}`)
  assert.ok(seen.includes('2') && seen.includes('7'), `${seen}`)
})

test('a flush that ends after a later one takes nothing back', () => {
  const seen = outcomes((file) => {
    append(file, 'one')
    const first = file.beginFlush()
    append(file, ' two')
    flush(file)
    file.endFlush(first, true)
  })
  assert.deepEqual(seen, ['one two'])
})

test('a flush that ends after a later one and a new write leaves that write to the next flush', () => {
  const make = (file: SimulatedFile): void => {
    file.write(0, Buffer.from('1'))
    const first = file.beginFlush()
    flush(file)
    file.write(0, Buffer.from('2'))
    file.endFlush(first, true)
  }
  assert.deepEqual(outcomes(make), ['1', '2'])
  const flushed = outcomes((file) => {
    make(file)
    flush(file)
  })
  assert.deepEqual(flushed, ['2'])
})

test('of two flushes that end behind many writes, the later one counts as well', () => {
  const grows = outcomes((file) => {
    file.truncate(0)
    const first = file.beginFlush()
    append(file, 'a')
    const second = file.beginFlush()
    for (const letter of 'bcd') append(file, letter)
    file.endFlush(first, true)
    file.endFlush(second, true)
  })
  assert.ok(!grows.includes('') && grows.includes('abcd'), `${grows}`)
  const changes = outcomes((file) => {
    file.write(0, Buffer.from('1'))
    const first = file.beginFlush()
    file.write(0, Buffer.from('2'))
    const second = file.beginFlush()
    for (const digit of '34567') file.write(0, Buffer.from(digit))
    file.endFlush(first, true)
    file.endFlush(second, true)
  })
  assert.ok(!changes.includes('1') && changes.includes('2') && changes.includes('7'), `${changes}`)
})

test('losePower says whether something survived in part', () => {
  for (let seed = 0; seed < 50; seed++) {
    const whole = new SimulatedFile()
    append(whole, 'x')
    flush(whole)
    assert.equal(whole.losePower(new Prng(seed)), false)
    const torn = new SimulatedFile()
    append(torn, sectors('AB'))
    const said = torn.losePower(new Prng(seed))
    const left = bySector(torn.content)
    assert.equal(said, left !== '' && left !== 'AB', `${seed}: ${left}`)
  }
})

test('a flipped bit is seen by readers and on the device', () => {
  const file = new SimulatedFile()
  append(file, 'abc')
  flush(file)
  file.flipBit(1, 0)
  assert.equal(file.content.toString(), 'acc')
  assert.equal(file.durableContent.toString(), 'acc')
})

type Step =
  | { readonly kind: 'append'; readonly letter: number; readonly bytes: number }
  | { readonly kind: 'rewrite'; readonly at: number; readonly letter: number; readonly bytes: number }
  | { readonly kind: 'truncate'; readonly at: number }
  | { readonly kind: 'begin flush' }
  | { readonly kind: 'end flush'; readonly which: number; readonly succeeded: boolean }
  | { readonly kind: 'power loss'; readonly seed: number }

const fraction = fc.integer({ min: 0, max: 1000 })
const letter = fc.integer({ min: 1, max: 255 })
const bytes = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 3 * SECTOR_BYTES }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), letter, bytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rewrite' as const), at: fraction, letter, bytes }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), at: fraction }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('begin flush' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('end flush' as const), which: fc.nat(), succeeded: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('power loss' as const), seed: fc.nat() }) },
)

test('whatever is done, readers see the last writes and a power loss leaves what the model allows', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(), (steps, lastSeed) => {
      const file = new SimulatedFile()
      const model = new SectorModel()
      let flushes: { readonly pending: PendingFlush; readonly at: number }[] = []
      for (const each of [...steps, { kind: 'power loss' as const, seed: lastSeed }]) {
        switch (each.kind) {
          case 'append':
          case 'rewrite': {
            const size = file.sizeBytes
            const position = each.kind === 'append' ? size : Math.floor((size * each.at) / 1001)
            const content = Buffer.alloc(
              each.kind === 'append' ? each.bytes : Math.min(each.bytes, size - position),
              each.letter,
            )
            if (content.length === 0) break
            file.write(position, content)
            model.write(position, content)
            break
          }
          case 'truncate': {
            const size = Math.floor((file.sizeBytes * each.at) / 1000)
            file.truncate(size)
            model.truncate(size)
            break
          }
          case 'begin flush':
            flushes.push({ pending: file.beginFlush(), at: model.beginFlush() })
            break
          case 'end flush': {
            if (flushes.length === 0) break
            const [ended] = flushes.splice(each.which % flushes.length, 1)
            file.endFlush(ended!.pending, each.succeeded)
            model.endFlush(ended!.at, each.succeeded)
            break
          }
          case 'power loss':
            file.losePower(new Prng(each.seed))
            assert.equal(model.whyNot(file.content), undefined)
            model.restart(file.content)
            flushes = []
        }
        assert.ok(model.content.equals(file.content), 'readers see what was written last')
      }
    }),
    { numRuns: 1500 },
  )
})
