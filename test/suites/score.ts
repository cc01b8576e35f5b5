/** Prints how many of the tests that pass with Apache Kafka pass here, by `ledger.tsv`: `node dist/test/suites/score.js [--failed] [SUITE...]`. */
import { parseArgs } from 'node:util'
import { readControl } from './control.js'
import { Ledger } from './ledger.js'
import { readNeeds } from './needs.js'
import { score } from './scoring.js'
import { SUITES } from './suites.js'

const { values, positionals } = parseArgs({
  options: { failed: { type: 'boolean', default: false } },
  allowPositionals: true,
})
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
