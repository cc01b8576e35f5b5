/**
 * Replays the mutants of the stories of replication: `node dist/test/mutants/stories.js [NAME ...]`. Each is put into a copy of the sources: its story must be
 * red, and green on the sources as they are.
 */
import { join } from 'node:path'
import { SourceCopy } from './source-copy.js'
import { STORY_MUTANTS, type StoryMutant } from './story-mutants.js'

const LONGEST_MS = 300_000

const names = process.argv.slice(2)
const wanted = STORY_MUTANTS.filter(({ name }) => names.length === 0 || names.includes(name))
const files = [...new Set(wanted.map(({ stories }) => stories))]
const copy = new SourceCopy(
  ['src', 'test'],
  LONGEST_MS,
  files.map((each) => join('test', 'sim', `${each}.test.ts`)),
)

/** What is said of the story; undefined: nothing, it is green. */
function redness({ stories, story }: StoryMutant): string | undefined {
  const file = join('dist', 'test', 'sim', `${stories}.test.js`)
  const { output } = copy.run(['--test', '--test-reporter=tap', '--test-name-pattern', `^${story}`, file])
  if (!new RegExp(`^\\s*(not )?ok \\d+ - ${story}`, 'm').test(output)) throw new Error(`no story ${story}:\n${output}`)
  if (!new RegExp(`^\\s*not ok \\d+ - ${story}`, 'm').test(output)) return undefined
  return /^ *error: (?:\|-\s*)?(.*)$/m.exec(output)?.[1]?.slice(0, 200) ?? 'red'
}

const failures: string[] = []
for (const mutant of wanted) {
  try {
    await copy.with(mutant, () => {
      const said = redness(mutant)
      process.stdout.write(`${mutant.name}: ${mutant.story} ${said === undefined ? 'is green' : `says: ${said}`}\n`)
      if (said === undefined) failures.push(`${mutant.name}: ${mutant.story} does not find it`)
    })
  } catch (error) {
    failures.push(`${mutant.name}: ${(error as Error).message}`)
  }
}
copy.compile()
for (const mutant of wanted) {
  const said = redness(mutant)
  if (said !== undefined) failures.push(`${mutant.story} is red without ${mutant.name}: ${said}`)
}
process.stdout.write(
  failures.length === 0 ? `${wanted.length} guards, each missed by its story\n` : `${failures.join('\n')}\n`,
)
process.exitCode = failures.length === 0 ? 0 : 1
