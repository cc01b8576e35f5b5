/** A command line that cannot be understood is answered by one sentence that says what to change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from './run-command.js'

const ANSWERS: readonly (readonly [line: string, sentence: string])[] = [
  ['nonsense', 'nonsense is not a command (see lograft --help)'],
  ['topic', 'topic is not a command; did you mean topics? (see lograft --help)'],
  ['--no-such', 'say what to do (see lograft --help)'],
  ['topics --lst', 'topics has no option --lst; did you mean --list? (see lograft topics --help)'],
  ['topics -q --list', 'topics has no option -q (see lograft topics --help)'],
  ['topics --list extra', 'topics does not take extra (see lograft topics --help)'],
  ['topics --partitions', '--partitions needs a value (see lograft topics --help)'],
  ['cluster', 'cluster needs to be told what to do (see lograft cluster --help)'],
  [
    'cluster ids',
    'ids is not allowed: it must be one of cluster-id, list-endpoints, unregister (see lograft cluster --help)',
  ],
  ['dump-log', 'dump-log needs --files (see lograft dump-log --help)'],
  ['start --port 99999', '--port 99999 is not allowed: it must be a whole number from 0 to 65535'],
  ['start --port x', '--port x is not allowed: it must be a whole number from 0 to 65535'],
  ['start --set num.partitions=x', 'num.partitions=x is not allowed: it must be a whole number from 1 to 2147483647'],
  ['start --set num.io.threads=8', '--set num.io.threads is a setting of Kafka that has no effect here: leave it out'],
  ['start --set num.partitons=8', '--set num.partitons is not a setting; did you mean num.partitions?'],
  ['consumer-group', 'consumer-group is not a command; did you mean consumer-groups? (see lograft --help)'],
  ['consumer-groups --describe', '--describe needs --group or --all-groups (see lograft consumer-groups --help)'],
  ['groups', 'say --list (see lograft groups --help)'],
  [
    'producer-perf-test --topic t',
    'producer-perf-test needs --num-records and --throughput (see lograft producer-perf-test --help)',
  ],
  ['verifiable-producer', 'verifiable-producer needs --topic (see lograft verifiable-producer --help)'],
  ['check', 'say one of --bootstrap, --history (see lograft check --help)'],
  ['check --history nowhere', '--history nowhere: there is no such file'],
  ['check --history . --acks 2', '--acks 2 is not allowed: it must be one of 0, 1, all (see lograft check --help)'],
  ['check --history . --operations 0', '--operations must be a whole number from 1 on'],
  ['check --bootstrap localhost:1 --time soon', '--time soon is not allowed: it must be as 500ms, 60s, 5m'],
  ['check --bootstrap localhost:1 --rate 0', '--rate must be a whole number from 1 to 100000'],
  [
    'check --bootstrap localhost',
    "--bootstrap: localhost is no server's address: it must be host:port, as localhost:9092",
  ],
  ['kafka-home', 'kafka-home needs to be told where: lograft kafka-home DIRECTORY'],
  ['storage format', 'format needs --cluster-id: see storage random-uuid'],
]

test('what is wrong with a command line is said in one line, with exit code 2', async () => {
  for (const [line, sentence] of ANSWERS) {
    const { status, stdout, stderr } = await runCommand(line.split(' '))
    assert.deepEqual([status, stdout, stderr], [2, '', `lograft: ${sentence}\n`], line)
  }
})

test('who says nothing at all is shown the commands', async () => {
  const { status, stderr, sentence } = await runCommand([])
  assert.equal(status, 2)
  assert.match(stderr, /lograft console-consumer +Print the records/)
  assert.equal(sentence, 'lograft: say what to do: one of the commands above')
})
