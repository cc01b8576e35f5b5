/** A broker with ten thousand partitions and no more open files than a machine gives by default: all of them are served, also after a start. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { Admin } from '../../bench/lib/admin.js'
import { BrokerProcess } from '../../bench/lib/broker-process.js'
import { temporaryDirectory } from '../node-ports.js'
import { withoutLinux } from './linux.js'

const TOPICS = 10
const PARTITIONS_EACH = 1000
/** What Linux gives a process that does not ask for more. */
const OPEN_FILES = 1024

test('10,000 partitions with 1024 files open at most: a record in each, and one more after kill -9', {
  skip: withoutLinux,
}, async (t) => {
  const data = temporaryDirectory('many-partitions')
  let broker: BrokerProcess | undefined
  t.after(async () => {
    await broker?.kill()
    rmSync(data, { recursive: true, force: true })
  })
  const start = async (): Promise<Admin> => {
    broker = await BrokerProcess.start(data, {}, { openFiles: OPEN_FILES })
    const limits = readFileSync(`/proc/${broker.pid}/limits`, 'utf8')
    assert.equal(/^Max open files\s+(\d+)/m.exec(limits)?.[1], String(OPEN_FILES))
    return Admin.connect(broker.port)
  }
  let admin = await start()
  const names = Array.from({ length: TOPICS }, (_, n) => `topic${n}`)
  for (const name of names) await admin.createTopic(name, PARTITIONS_EACH, 'commit')
  for (const name of names) await admin.produceToAll(name)
  admin.close()
  await broker!.kill()
  admin = await start()
  for (const name of names) await admin.produceToAll(name)
  for (const name of names) await admin.awaitRecords(await admin.ensureTopic(name), 2 * PARTITIONS_EACH)
  admin.close()
  await broker!.stop()
  broker = undefined
})
