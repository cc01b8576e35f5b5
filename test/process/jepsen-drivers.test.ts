/** Drivers in programs of their own: what is asked and told in lines of JSON, what becomes of calls when a program ends, and that a client in a thread crashes without its neighbours. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Client, type ClientSettings, DriverError } from '../../jepsen/drivers/driver.js'
import { ExternalDriver, type ProgramCommand } from '../../jepsen/drivers/external-driver.js'
import { PROGRAMS } from '../../jepsen/drivers/node-packages.js'
import { temporaryDirectory } from '../node-ports.js'

const directory = temporaryDirectory('drivers')
after(() => rmSync(directory, { recursive: true, force: true }))

const SETTINGS: ClientSettings = {
  bootstrap: 'nowhere:1',
  clientId: 'external',
  acks: -1,
  idempotent: false,
  isolation: 'read_committed',
  requestTimeoutMs: 1000,
  apiTimeoutMs: 2000,
}
const PLACE = { topic: 't', partition: 1 }

/** A library that is a few lines. */
const LIBRARY = `
import { fileURLToPath } from 'node:url'
import { Refusal, serve } from ${JSON.stringify(pathToFileURL(join(PROGRAMS, 'serve.mjs')).href)}

serve(fileURLToPath(import.meta.url), { name: 'few lines 1.0', lacks: ['list offsets'] }, (settings) => ({
  send: ({ records }) =>
    records.map(({ payload }, n) =>
      payload === 'bad' ? { error: { code: 'BAD', outcome: 'fail', message: 'bad' } } : { offset: n === 0 ? 5 : null },
    ),
  poll: async ({ limitMs }) => {
    await new Promise((resolve) => setTimeout(resolve, limitMs))
    return { records: [{ topic: 't', partition: 1, offset: 3, payload: settings.clientId }], rebalances: [] }
  },
  createTopic: ({ topic, partitions, settings }) => topic + partitions + JSON.stringify(settings),
  deleteTopic: () => {},
  describeTopic: () => {
    throw new TypeError('no reader')
  },
  setTopicConfig: () => {
    throw new Refusal('REFUSED', 'fail', 'never')
  },
  getTopicConfig: () => process.exit(7),
  commit: () => new Promise(() => {}),
  close: () => {},
}))
`

function program(name: string, text: string): ProgramCommand {
  const path = join(directory, `${name}.mjs`)
  writeFileSync(path, text)
  return { command: process.execPath, args: [path, directory] }
}

async function ended(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'ok'
  } catch (error) {
    assert.ok(error instanceof DriverError, (error as Error).stack)
    return `${error.outcome} ${error.code}: ${error.message}`
  }
}

test('calls and answers, several at once; a client that crashes takes none with it', { timeout: 60_000 }, async () => {
  const driver = await ExternalDriver.start(program('library', LIBRARY))
  assert.equal(driver.name, 'few lines 1.0')
  assert.deepEqual([...driver.lacks], ['list offsets'])
  const clients = await Promise.all(['one', 'two', 'three'].map((clientId) => driver.open({ ...SETTINGS, clientId })))
  const [one, two, three] = clients as [Client, Client, Client]
  const polls = await Promise.all([one.poll(50), two.poll(1)])
  assert.deepEqual(
    polls.map(({ records }) => records),
    ['one', 'two'].map((payload) => [{ ...PLACE, offset: 3, payload }]),
  )
  const sent = await one.send(['a', 'b', 'bad'].map((payload) => ({ ...PLACE, payload })))
  assert.deepEqual(sent.slice(0, 2), [{ offset: 5 }, { offset: undefined }])
  assert.ok(sent[2] instanceof DriverError && sent[2].outcome === 'fail')
  assert.equal(await one.createTopic('t', 2, { a: 'b' }), 't2{"a":"b"}')
  assert.equal(await ended(one.deleteTopic('t')), 'ok')
  assert.match(await ended(one.describeTopic('t')), /^info TypeError: no reader/)
  assert.equal(await ended(one.setTopicConfig('t', 'a', 'b')), 'fail REFUSED: never')
  const waiting = ended(two.commit())
  two.crash()
  assert.match(await waiting, /^info CRASHED/)
  assert.match(await ended(two.poll(1)), /^fail CLOSED/)
  assert.match(await ended(three.getTopicConfig('t', 'a')), /^info CRASHED/)
  assert.equal((await one.poll(1)).records.length, 1)
  await one.close()
  assert.match(await ended(one.poll(1)), /^fail CLOSED/)
  await driver.close()
  assert.match(await ended(one.poll(1)), /^fail NO_PROGRAM/)
})

test('a program that ends takes what it was asked into doubt, and is started again', { timeout: 60_000 }, async () => {
  const mortal = LIBRARY.replace('() => process.exit(7)', '() => process.kill(process.pid, "SIGKILL")')
  const told: string[] = []
  const driver = await ExternalDriver.start(program('mortal', mortal), (sentence) => told.push(sentence))
  const client = await driver.open(SETTINGS)
  assert.match(await ended(client.getTopicConfig('t', 'a')), /^info NO_PROGRAM: it ended with SIGKILL/)
  assert.match(await ended(client.poll(1)), /^fail NO_PROGRAM/)
  const next = await driver.open(SETTINGS)
  assert.equal((await next.poll(1)).records.length, 1)
  assert.match(told[0]!, /^few lines 1.0 ended by itself: it ended with SIGKILL/)
  await driver.close()
})

test('a program that does not begin as it has to is refused, with what it said', { timeout: 60_000 }, async () => {
  const broken = program('broken', "console.error('what is this'); process.exitCode = 3")
  await assert.rejects(ExternalDriver.start(broken), /it ended with 3: what is this/)
  const chatty = program('chatty', "console.log('hello')")
  await assert.rejects(ExternalDriver.start(chatty), /it said what is no answer: hello/)
  const absent = { command: join(directory, 'absent'), args: [] }
  await assert.rejects(ExternalDriver.start(absent), /ENOENT/)
})
