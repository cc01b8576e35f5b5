/**
 * Runs many worlds of the model:
 * `node dist/test/raft/soak.js [--from SEED] [--worlds COUNT] [--trace LINES] [--weather JSON]`. Prints what was tried how often; ends with an error
 * at the first world that breaks an invariant or comes to no rest, and says how to see it again.
 */
import { notAllowed, optionsOnly, wholeNumber } from '../../jepsen/command-line.js'
import { ModelQuorum, type Weather } from './model-quorum.js'

const NAMES: Readonly<Record<keyof Weather, true>> = {
  voters: true,
  lossChance: true,
  doubleChance: true,
  delayMs: true,
  lateChance: true,
  diskMs: true,
  appendFailChance: true,
  faultEveryMs: true,
  proposeEveryMs: true,
  changeEveryMs: true,
  snapshotEveryMs: true,
  readOneChance: true,
  eagerChance: true,
  hastyChance: true,
  stormMs: true,
}
const USAGE = `node dist/test/raft/soak.js [--from SEED] [--worlds COUNT] [--trace LINES] [--weather JSON]

Many worlds of the model of the quorum, until one breaks an invariant.

  --from SEED      the first, a number; others count up from it. Default: 1
  --worlds COUNT   Default: 1000
  --trace LINES    of the world that fails: the last so many that tell what happened. Default: 0
  --weather JSON   what is not drawn but given, as '{"voters":3,"lossChance":0.1}', of
                   ${Object.keys(NAMES).join(', ')}. Default: {}`

const values = optionsOnly(USAGE, {
  from: { type: 'string', default: '1' },
  worlds: { type: 'string', default: '1000' },
  trace: { type: 'string', default: '0' },
  weather: { type: 'string', default: '{}' },
})
const weather = weatherOf(values.weather)
const from = wholeNumber('from', values.from, 0)
const worlds = wholeNumber('worlds', values.worlds, 1)
const trace = wholeNumber('trace', values.trace, 0)
const counts = new Map<string, number>()
let [events, virtualMs, longestMs] = [0, 0, 0]
for (let seed = from; seed < from + worlds; seed++) {
  try {
    const report = new ModelQuorum(seed, undefined, weather).run()
    events += report.events
    virtualMs += report.virtualMs
    longestMs = Math.max(longestMs, report.convergedMs)
    for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count)
  } catch (error) {
    const lines: string[] = []
    try {
      if (trace > 0) new ModelQuorum(seed, (line) => lines.push(line), weather).run()
    } catch {
      process.stdout.write(`${lines.slice(-trace).join('\n')}\n`)
    }
    process.stdout.write(`world ${seed} (number ${seed - from + 1}): ${(error as Error).stack}\n`)
    process.stdout.write(`again: node dist/test/raft/soak.js --from ${seed} --worlds 1 --weather '${values.weather}'\n`)
    process.exit(1)
  }
}
for (const what of [...counts.keys()].sort()) process.stdout.write(`${String(counts.get(what)).padStart(9)} ${what}\n`)
process.stdout.write(
  `${worlds} worlds, ${events} events, ${Math.round(virtualMs / 1000)} virtual seconds, at rest after at most ${Math.round(longestMs)} ms\n`,
)

function weatherOf(text: string): Partial<Weather> {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {}
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return notAllowed('weather', text, 'an object in JSON')
  }
  const wrong = Object.entries(given).some(([name, value]) => !(name in NAMES) || typeof value !== 'number')
  return wrong ? notAllowed('weather', text, `numbers for some of ${Object.keys(NAMES).join(', ')}`) : given
}
