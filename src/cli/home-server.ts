/** A server that was started from a directory of `lograft kafka-home`: kafka-server-stop.sh finds it, and fixtures hear that it serves. */
import fs from 'node:fs'
import { join } from 'node:path'
import { NodeClock } from '../io/node/clock.js'

/** Set by the scripts of such a directory. */
const HOME = 'LOGRAFT_HOME'

/** Leaves a file with the id of this process for as long as it runs. */
export function registerInHome(): void {
  const home = process.env[HOME]
  if (home === undefined) return
  const path = join(home, 'run', `${process.pid}.pid`)
  try {
    fs.mkdirSync(join(home, 'run'), { recursive: true })
    fs.writeFileSync(path, '')
  } catch {
    // Then it is stopped by its id.
    return
  }
  process.on('exit', () => fs.rmSync(path, { force: true }))
}

/** In the words that tests of Kafka clients wait for. */
export function tellThatItServes(nodeId: number): void {
  if (process.env[HOME] === undefined) return
  const time = new Date(new NodeClock().wallMs()).toISOString().replace('T', ' ').replace('.', ',').replace('Z', '')
  process.stdout.write(
    `[${time}] INFO [KafkaRaftServer nodeId=${nodeId}] Kafka Server started (kafka.server.KafkaRaftServer)\n`,
  )
}
