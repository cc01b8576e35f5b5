/** Prints how many of the tests that pass with Apache Kafka pass here, by `ledger.tsv`: `node dist/test/suites/score.js [--failed] [SUITE...]`. */
import { commandLine, refuse } from '../../jepsen/command-line.js'
import { readControl } from './control.js'
import { Ledger } from './ledger.js'
import { readNeeds } from './needs.js'
import { score } from './scoring.js'
import { SUITES } from './suites.js'

const NAMES = SUITES.map(({ name }) => name)
const USAGE = `node dist/test/suites/score.js [--failed] [SUITE ...]

How many tests of clients' makers pass here, of those that pass with Apache Kafka, by test/suites/ledger.tsv: of the suites that are named, or all of
  ${NAMES.join(', ')}

  --failed   name those that do not pass, and why`

const { values, positionals } = commandLine(USAGE, { failed: { type: 'boolean', default: false } })
const unknown = positionals.filter((wanted) => !NAMES.includes(wanted))
if (unknown.length > 0) refuse(`there is no suite ${unknown.join(', ')}; there are ${NAMES.join(', ')}`)
const ledger = new Ledger()
const needs = readNeeds()
const lines: string[] = ['| suite | nodes | passed | counted | excluded |', '| --- | --- | --- | --- | --- |']
for (const suite of SUITES) {
  if (positionals.length > 0 && !positionals.includes(suite.name)) continue
  const control = readControl(suite.control ?? suite.name)
  for (const nodes of suite.nodes) {
    const rows = ledger.rowsOf({ suite: suite.name, nodes })
    if (rows.length === 0 && nodes !== suite.nodes[0]) continue
    const { passed, counted, failed, excluded } = score(suite.control ?? suite.name, nodes, control, rows, needs)
    const left = [...excluded].map(([need, count]) => `${count} ${need}`).join(', ')
    lines.push(`| ${suite.name} | ${nodes} | ${passed} | ${counted} | ${left} |`)
    if (!values.failed) continue
    for (const { test, result, reason } of failed) lines.push(`    ${result} ${test}: ${reason.slice(0, 160)}`)
  }
}
process.stdout.write(`${lines.join('\n')}\n`)
