/** `lograft consumer-groups`: with the flags of kafka-consumer-groups.sh. */
import type { CommandModule } from 'yargs'
import type { ClusterClient } from '../client/cluster-client.js'
import { RegularExpression } from '../coordinator/regex/regular-expression.js'
import { NodeClock } from '../io/node/clock.js'
import { clientSettings } from './client-settings.js'
import { clusterOptions, flag, text, texts, wholeNumber, withCluster } from './cluster-options.js'
import { removeGroups, removeOffsets } from './consumer-groups/delete.js'
import { type Aspect, describe } from './consumer-groups/describe.js'
import { explain } from './consumer-groups/explain.js'
import { chosenGroups } from './consumer-groups/groups.js'
import { list } from './consumer-groups/list.js'
import { checkOptions, type GroupOptions } from './consumer-groups/options.js'
import { parseTopic } from './consumer-groups/partitions.js'
import { type ResetOrder, readPlanFile, resetOffsets } from './consumer-groups/reset.js'
import { parseDateTime, parseDuration } from './consumer-groups/times.js'
import { misuse } from './fail.js'

export const consumerGroupsCommand: CommandModule<object, GroupOptions> = {
  command: 'consumer-groups',
  describe: 'List, describe and delete groups of consumers, and reset what they have committed',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('list', { ...flag, describe: 'Print the groups; with --state and --type these as well' })
      .option('describe', { ...flag, describe: 'Print how far groups are, their members, or their state' })
      .option('delete', { ...flag, describe: 'Delete groups without members, with all that they have committed' })
      .option('delete-offsets', { ...flag, describe: 'Forget what a group has committed for --topic' })
      .option('reset-offsets', { ...flag, describe: 'Plan where a group without members goes on; --execute does it' })
      .option('validate-regex', { ...text, describe: 'Say whether a group may subscribe to this regular expression' })
      .option('group', { ...texts, describe: 'The group; may be repeated' })
      .option('all-groups', { ...flag, describe: 'Every group of consumers' })
      .option('topic', { ...texts, describe: 'TOPIC, or TOPIC:PARTITION,PARTITION; may be repeated' })
      .option('all-topics', { ...flag, describe: 'With --reset-offsets: whatever the group has committed' })
      .option('offsets', { ...flag, describe: 'With --describe: offsets and lag (the default)' })
      .option('members', { ...flag, describe: 'With --describe: the members' })
      .option('explain', { ...flag, describe: 'With --describe: why the group has rebalanced (only of lograft)' })
      .option('state', {
        type: 'string',
        describe: 'With --describe: the state; with --list: only these, as stable,empty',
      })
      .option('type', { type: 'string', describe: 'With --list: only these, as classic,consumer' })
      .option('verbose', { ...flag, describe: 'With --describe: epochs and assignments, too' })
      .option('timeout', { ...text, describe: 'Milliseconds for a call with everything that is tried for it' })
      .option('dry-run', { ...flag, describe: 'With --reset-offsets: only print the plan (the default)' })
      .option('execute', { ...flag, describe: 'With --reset-offsets: commit it' })
      .option('export', { ...flag, describe: 'With --reset-offsets: print the plan as CSV, for --from-file' })
      .option('to-earliest', { ...flag, describe: 'Reset to where the log begins' })
      .option('to-latest', { ...flag, describe: 'Reset to where the log ends' })
      .option('to-current', { ...flag, describe: 'Reset to what is committed, or else to the end' })
      .option('to-offset', { ...text, describe: 'Reset to an offset' })
      .option('shift-by', { ...text, describe: 'Reset by so many records forward, or backward if negative' })
      .option('to-datetime', {
        ...text,
        describe: 'Reset to a time: 2026-11-22T13:30:00.000, in UTC unless it says so',
      })
      .option('by-duration', { ...text, describe: 'Reset to so long ago: P1DT2H30M' })
      .option('from-file', { ...text, describe: 'Reset to what --export has printed' })
      .example('$0 consumer-groups --list', 'The names of all')
      .example('$0 consumer-groups --describe --group billing', 'How far it is, and who reads what')
      .example('$0 consumer-groups --describe --group billing --explain', 'Why it has rebalanced, and what that cost')
      .example(
        '$0 consumer-groups --reset-offsets --group billing --topic orders --to-earliest --execute',
        'From the beginning once more',
      )
      .check(checkOptions),
  handler: (options) => {
    const expression = options['validate-regex']
    if (expression !== undefined) return validateRegex(expression)
    const file = clientSettings('client', [options['command-config']])
    const { timeout } = options
    const timeoutMs = timeout === undefined ? undefined : wholeNumber('timeout', timeout, 1, 0x7fff_ffff)
    const settings = timeoutMs === undefined ? file : { ...file, 'default.api.timeout.ms': timeoutMs }
    // What is wrong with the command line is said before anybody is asked.
    const work = workOf(options)
    return withCluster(options, work, settings)
  },
}

/** In the words of Kafka's tool; a broker of ours takes the same expressions (RE2). */
function validateRegex(text: string): void {
  const compiled = RegularExpression.compile(text)
  const isValid = compiled instanceof RegularExpression
  const verdict = isValid ? 'valid' : `invalid: ${compiled.message}`
  process.stdout.write(`The regular expression \`${text}\` is ${verdict}.\n`)
  if (!isValid) process.exitCode = 1
}

function workOf(options: GroupOptions): (client: ClusterClient) => Promise<void> {
  if (options.list) return (client) => list(client, { states: options.state, types: options.type })
  if (options.describe && options.explain) return async (client) => explain(client, await chosenGroups(client, options))
  if (options.describe) {
    const aspect: Aspect = options.members ? 'members' : options.state === undefined ? 'offsets' : 'state'
    return async (client) => describe(client, await chosenGroups(client, options), aspect, options.verbose)
  }
  if (options.delete) return async (client) => removeGroups(client, await chosenGroups(client, options))
  const topics = options.topic?.map(parseTopic) ?? 'all'
  if (options['delete-offsets'])
    return (client) => removeOffsets(client, options.group![0]!, topics === 'all' ? [] : topics)
  const reset = resetOf(options)
  const { execute, export: asFile } = options
  if (!execute && !options['dry-run']) process.stderr.write('lograft: nothing is changed without --execute\n')
  const severalGroups = options['all-groups'] || options.group!.length > 1
  return async (client) => {
    const groupIds = await chosenGroups(client, options)
    await resetOffsets(client, { groupIds, reset, topics, execute, asFile, severalGroups })
  }
}

function resetOf(options: GroupOptions): ResetOrder['reset'] {
  const {
    'to-offset': offset,
    'shift-by': by,
    'to-datetime': time,
    'by-duration': duration,
    'from-file': file,
  } = options
  if (file !== undefined) return { to: 'file', planned: readPlanFile(file) }
  if (offset !== undefined) return { to: 'offset', offset: wholeNumber('to-offset', offset) }
  if (by !== undefined) return { to: 'shift', by: wholeNumber('shift-by', by, Number.MIN_SAFE_INTEGER) }
  if (time !== undefined) {
    const timestampMs = parseDateTime(time)
    if (timestampMs !== undefined) return { to: 'time', timestampMs }
    return misuse(`--to-datetime ${time} is not allowed: it must be as 2026-11-22T13:30:00.000`)
  }
  if (duration !== undefined) {
    const durationMs = parseDuration(duration)
    if (durationMs !== undefined) return { to: 'time', timestampMs: new NodeClock().wallMs() - durationMs }
    return misuse(`--by-duration ${duration} is not allowed: it must be as P1DT2H30M`)
  }
  return { to: options['to-earliest'] ? 'earliest' : options['to-latest'] ? 'latest' : 'current' }
}
