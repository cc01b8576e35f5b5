/** Regular expressions: RE2's syntax and what it refuses, the same answers as JavaScript's engine where both know a construct, and linear time. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MAX_EXPRESSION_BYTES, RegularExpression } from '../../../src/coordinator/regex/regular-expression.js'
import { SyntaxProblem } from '../../../src/coordinator/regex/syntax.js'

function compile(text: string): RegularExpression {
  const expression = RegularExpression.compile(text)
  assert(expression instanceof RegularExpression, `${text}: ${(expression as SyntaxProblem).message}`)
  return expression
}

function matches(text: string, ...candidates: string[]): string[] {
  const expression = compile(text)
  return candidates.filter((candidate) => expression.matches(candidate))
}

describe('regular expressions', () => {
  // biome-ignore format: a table
  const CASES: [expression: string, yes: string[], no: string[]][] = [
    ['', [''], ['a']],
    ['orders', ['orders'], ['orders-2', 'my-orders', 'Orders']],
    ['orders.*', ['orders', 'orders-2'], ['my-orders']],
    ['orders-(eu|us)', ['orders-eu', 'orders-us'], ['orders-', 'orders-euus']],
    ['a|b|', ['a', 'b', ''], ['ab']],
    ['^a$', ['a'], ['aa']],
    ['a$b', [], ['ab', 'a']],
    ['a{2,3}', ['aa', 'aaa'], ['a', 'aaaa']],
    ['a{2,}', ['aa', 'aaaaaa'], ['a']],
    ['a{0}b', ['b'], ['ab']],
    ['a{,2}', ['a{,2}'], ['aa']],
    ['a{x', ['a{x'], []],
    ['a+?b*?c??', ['a', 'aabbc'], ['b']],
    ['[a-c]+', ['abc'], ['abd']],
    ['[^a-c]+', ['xyz', '\n'], ['xay']],
    ['[]a]+', [']a'], ['b']],
    ['[a-]+', ['a-'], ['b']],
    ['[\\d.-]+', ['1.2-3'], ['a']],
    ['[[:alpha:]_]+', ['ab_'], ['1']],
    ['[[:^alpha:]]+', ['12'], ['1a']],
    ['[[:word:]]+', ['a_1'], ['-']],
    ['\\w+\\.\\d\\D', ['abc.1x'], ['abc.12', 'a-c.1x']],
    ['\\S\\s', ['a '], ['aa']],
    ['\\pL+', ['aßд'], ['a1']],
    ['\\p{Lu}\\P{Lu}', ['Aa'], ['AA']],
    ['\\p{Greek}+', ['αβγ'], ['abc']],
    ['\\p{^Greek}', ['a'], ['α']],
    ['(?i)ORDERS', ['orders', 'OrDeRs'], ['order']],
    ['(?i:o)rders', ['Orders', 'orders'], ['ORDERS']],
    ['(?i)[^k]', ['a'], ['k', 'K', '\u212a']],
    ['(?i)\\W', ['-'], ['k', 's']],
    ['(?i)k', ['\u212a'], []],
    ['(?i)\u212a', ['k', 'K'], []],
    ['(?i)s', ['\u017f'], []],
    ['a(?i)b|c', ['ab', 'aB', 'C'], ['Ab']],
    ['(a(?i)b)c', ['aBc'], ['aBC']],
    ['(?-i)a', ['a'], ['A']],
    ['(?P<one>a)(?<two>b)', ['ab'], []],
    ['(?:a|b)+', ['abba'], ['']],
    ['a.b', ['a.b', 'axb', 'a😀b'], ['a\nb', 'ab']],
    ['(?s)a.b', ['a\nb'], []],
    ['(?m)a$\\n^b', ['a\nb'], []],
    ['\\Aa\\z', ['a'], ['ba']],
    ['a\\b.b', ['a-b'], ['acb']],
    ['a\\Bcb', ['acb'], []],
    ['\\Qa.b*\\E+', ['a.b*', 'a.b***'], ['axb']],
    ['\\Qa.b', ['a.b'], ['axb']],
    ['\\x41\\x{1F600}\\101\\07\\t\\.\\-', ['A😀A\x07\t.-'], []],
    ['(a*)*', ['', 'aaa'], ['b']],
    ['(a|b*)+c', ['c', 'abac'], ['ab']],
    ['((a{2}){3}){4}', ['a'.repeat(24)], ['a'.repeat(23)]],
    ['(|a)+', ['', 'aa'], ['b']],
  ]
  for (const [expression, yes, no] of CASES) {
    it(`${JSON.stringify(expression)} matches what RE2 matches`, () => {
      assert.deepEqual(matches(expression, ...yes, ...no), yes)
    })
  }

  // biome-ignore format: a table
  const WRONG = [
    'a**', 'a*+', 'a+*', 'a???', 'a{2}{3}', 'a{2}*', '*', '+a', '?', '|*', '(*)', '{2}', '(', '(a', 'a)', ')', '[', '[a', '[]', '[b-a]', '[a-\\d]',
    '[[:foo:]]', '\\', '\\1', '\\8', '\\y', '\\Z', '\\G', '\\C', '\\p{Foo}', '\\p{', '\\pq', '\\x', '\\x1', '\\xg0', '\\x{110000}', '\\x{', 'a{1001}', 'a{2,1}',
    'a{0,1001}', '(a{100}){11}', '(?=a)', '(?!a)', '(?<=a)b', '(?<!a)b', '(?>a)', '(?P=a)', '(?P<a>.)(?P<a>.)', '(?<>a)', '(?i', '(?x)a', '(?i-)a', '[\\b]',
  ]
  for (const expression of WRONG) {
    it(`${JSON.stringify(expression)} is refused`, () => {
      assert(RegularExpression.compile(expression) instanceof SyntaxProblem)
    })
  }

  it('says what is wrong, and where', () => {
    const problem = RegularExpression.compile('orders-(eu|us')
    assert(problem instanceof SyntaxProblem)
    assert.equal(problem.message, 'a ( without its ) at character 14')
  })

  it('what would become too large, too deep or cannot be written down is refused, and soon', () => {
    for (const expression of [
      `${'(a{100}b){10}'.repeat(100)}`,
      `${'('.repeat(2000)}a${')'.repeat(2000)}`,
      'a'.repeat(MAX_EXPRESSION_BYTES + 1),
    ]) {
      assert(RegularExpression.compile(expression) instanceof SyntaxProblem)
    }
    compile('a'.repeat(MAX_EXPRESSION_BYTES))
    compile(`${'('.repeat(900)}a${')'.repeat(900)}`)
  })

  it('takes time that is linear in the text, for expressions too that make others try every way', () => {
    for (const text of ['(a+)+b', '(a|a)*b', '(a*)*b', '(.*)(.*)(.*)(.*)b', '(a?){50}a{50}b']) {
      const expression = compile(text)
      const cost = (length: number): number => {
        const meter = { steps: 0 }
        assert.equal(expression.matches('a'.repeat(length), meter), false)
        return meter.steps
      }
      const thousand = cost(1000)
      assert(
        cost(100_000) <= thousand * 101,
        `${text}: ${cost(100_000)} steps for 100 times the text, ${thousand} for it once`,
      )
    }
  })

  /** What both engines know, and in which they agree; small, because JavaScript tries every way. */
  const atom = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c', 'A', '-', '0') },
    fc.constantFrom(
      '.',
      '\\d',
      '\\w',
      '\\D',
      '\\W',
      '[ab]',
      '[^a]',
      '[a-c0]',
      '[^\\d]',
      '\\.',
      '\\b',
      '\\B',
      '^',
      '$',
      '\\x61',
    ),
  )
  const { tree } = fc.letrec<{ tree: string; sequence: string; repeated: string; group: string }>((tie) => ({
    tree: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((options) => options.join('|')),
    sequence: fc.array(tie('repeated'), { maxLength: 3 }).map((parts) => parts.join('')),
    repeated: fc
      .tuple(tie('group'), fc.constantFrom('', '', '', '*', '+', '?', '*?', '{2}', '{0,2}', '{1,}'))
      .map(([part, times]) => (/^(?:\^|\$|\\b|\\B)$/.test(part) ? part : part + times)),
    group: fc.oneof(
      { maxDepth: 2, depthIdentifier: 'group' },
      atom,
      tie('tree').map((inner) => `(${inner})`),
      tie('tree').map((inner) => `(?:${inner})`),
    ),
  }))

  it('property: it answers as JavaScript does', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', '-', '0', '.'), maxLength: 8 }), {
      minLength: 5,
    })
    fc.assert(
      fc.property(tree, texts, fc.boolean(), (expression, candidates, fold) => {
        const theirs = new RegExp(`^(?:${expression})$`, fold ? 'ui' : 'u')
        const ours = compile(fold ? `(?i)${expression}` : expression)
        for (const candidate of candidates) assert.equal(ours.matches(candidate), theirs.test(candidate), candidate)
      }),
      { numRuns: 500 },
    )
  })

  it('property: any text is an expression or is refused; nothing else happens', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab01(){}[]*+?|\\^$.,-:<>P=!QEpLxi'), maxLength: 30 })
    fc.assert(
      fc.property(text, (expression) => {
        const compiled = RegularExpression.compile(expression)
        if (compiled instanceof RegularExpression) compiled.matches('ab01')
        else assert(compiled.message.length > 0)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('what nobody may be held up by', () => {
  const compiled = (text: string) => {
    const meter = { steps: 0 }
    return { result: RegularExpression.compile(text, meter), meter }
  }

  it('classes of POSIX that do not end are looked for once', () => {
    const text = `[${'[:'.repeat(16_000)}x]`
    const { result, meter } = compiled(text)
    assert.ok(result instanceof RegularExpression)
    assert.ok(result.matches(':'))
    assert.ok(
      meter.steps >= text.length && meter.steps < 100 * text.length,
      `${meter.steps} steps for ${text.length} characters`,
    )
  })

  it('a class of POSIX behind one that does not end is not found by looking further', () => {
    const { result } = compiled('[[:]x[[:digit:]]')
    assert.ok(result instanceof SyntaxProblem, 'the class reaches from the first [: to the :]')
  })

  it('what becomes nothing is not written out without end', () => {
    const { result, meter } = compiled(`(${'()'.repeat(16_000)}){1000}`)
    assert.ok(result instanceof SyntaxProblem)
    assert.match(result.message, /instructions/)
    assert.ok(meter.steps < 10_000_000, `${meter.steps} steps`)
  })

  it('what matching needs is made once, and counted', () => {
    const { result } = compiled('(abc){1000}'.repeat(10))
    assert.ok(result instanceof RegularExpression)
    const first = { steps: 0 }
    assert.equal(result.matches('x', first), false)
    const next = { steps: 0 }
    assert.equal(result.matches('x', next), false)
    assert.equal(first.steps - next.steps, result.instructions)
    assert.ok(next.steps < 10, `${next.steps} steps`)
    assert.equal(result.matches('abc'.repeat(10_000)), true)
    assert.equal(result.matches('abc'.repeat(9_999)), false)
  })
})
