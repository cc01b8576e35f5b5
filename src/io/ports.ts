/** The world as a node gets it: every port, by name. Production and the simulator differ in nothing else. */
import type { Clock } from './clock.js'
import type { Compute } from './compute.js'
import type { Disk } from './disk.js'
import type { Host } from './host.js'
import type { Logger } from './logger.js'
import type { Network } from './network.js'
import type { Random } from './random.js'

export interface Ports {
  readonly clock: Clock
  readonly disk: Disk
  readonly network: Network
  readonly random: Random
  readonly compute: Compute
  readonly host: Host
  readonly logger: Logger
}
