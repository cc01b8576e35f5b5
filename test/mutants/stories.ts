/**
 * Replays the mutants of replication that stories find: `node dist/test/mutants/stories.js [--types] [NAME ...]`. Each is put into a copy of what is compiled: its
 * story must be red, and green as it is. With `--types` each must also be a program.
 */
import { join } from 'node:path'
import { commandLine } from '../../jepsen/command-line.js'
import { atOnce, type BuildCopy, CLONE, inLanes, type Ran, run } from './build-copy.js'
import type { StoryMutant } from './replica-mutants.js'
import { STORY_MUTANTS } from './story-mutants.js'

const LONGEST_MS = 300_000

const USAGE = `npm run test:mutants:stories -- [--types] [NAME ...]

Mutants of replication, each found by a story: those that are named, or all of
  ${STORY_MUTANTS.map(({ name }) => name).join(', ')}

  --types   each must also be a program, by its types`

const { values, positionals } = commandLine(USAGE, { types: { type: 'boolean', default: false } })
const wanted = STORY_MUTANTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
if (wanted.length === 0 || wanted.length < positionals.length) {
  process.stderr.write(`there are the mutants ${STORY_MUTANTS.map(({ name }) => name).join(', ')}\n`)
  process.exit(2)
}
const failures: string[] = []

/** Of these stories, by how their names begin. */
function argsOf(tests: string, stories: readonly string[]): string[] {
  const names = stories.map((story) => story.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('|')
  const pattern = `--test-name-pattern=^(?:${names})`
  return ['--test-reporter=tap', pattern, join('dist', 'test', `${tests}.test.js`)]
}

/** What is said of the story; undefined: nothing, it is green. */
function redness({ output }: Ran, story: string): string | undefined {
  const lines = output.split('\n')
  const isTold = (line: string): boolean => /^ *(?:not )?ok \d+ - /.test(line) && line.includes(`- ${story}`)
  const told = lines.findIndex(isTold)
  if (lines.filter(isTold).length !== 1) throw new Error(`no story, or several, are ${story}:\n${output.slice(-2000)}`)
  if (!/^ *not ok/.test(lines[told]!)) return undefined
  const said = /^ *error: (?:\|-\s*)?(.*)$/m.exec(lines.slice(told).join('\n'))
  return said?.[1]?.slice(0, 200) ?? 'red'
}

async function replay(mutant: StoryMutant, copy: BuildCopy): Promise<void> {
  const { name, tests, story } = mutant
  try {
    const typeErrors = values.types ? await copy.typeErrors(mutant) : undefined
    if (typeErrors !== undefined) failures.push(`${name}: ${typeErrors}`)
    await copy.with(mutant, async () => {
      const said = redness(await copy.run(argsOf(tests, [story])), story)
      process.stdout.write(`${name}: ${story} ${said === undefined ? 'is green' : `says: ${said}`}\n`)
      if (said === undefined) failures.push(`${name}: ${story} does not find it`)
    })
  } catch (error) {
    failures.push(`${name}: ${(error as Error).message}`)
  }
}

await inLanes(wanted, LONGEST_MS, replay)
await atOnce([...new Set(wanted.map((mutant) => mutant.tests))], async (tests) => {
  const stories = [...new Set(wanted.filter((mutant) => mutant.tests === tests).map(({ story }) => story))]
  const ran = await run(CLONE, argsOf(tests, stories), LONGEST_MS)
  for (const story of stories) {
    const said = redness(ran, story)
    if (said !== undefined) failures.push(`${story} is red without a mutant: ${said}`)
  }
})
process.stdout.write(
  failures.length === 0 ? `${wanted.length} mutants, each found by its story\n` : `${failures.join('\n')}\n`,
)
process.exitCode = failures.length === 0 ? 0 : 1
