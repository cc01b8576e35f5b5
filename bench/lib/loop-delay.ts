/** Loaded into a broker that is measured: SIGUSR2 makes it say for how long its event loop was busy at most since the last time, in milliseconds. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const NS_PER_MS = 1e6
/** How often it is looked at: that much is always there. */
const RESOLUTION_MS = 2

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()

process.on('SIGUSR2', () => {
  const longestMs = Math.max(0, delay.max / NS_PER_MS - RESOLUTION_MS)
  const p99Ms = Math.max(0, delay.percentile(99) / NS_PER_MS - RESOLUTION_MS)
  delay.reset()
  process.stdout.write(`event loop delay ${p99Ms.toFixed(2)} ${longestMs.toFixed(2)}\n`)
})
