/** All ports as Node.js has them. */
import type { Ports } from '../ports.js'
import { NodeClock } from './clock.js'
import { NodeCompute } from './compute.js'
import { NodeDisk } from './disk.js'
import { NodeHost } from './host.js'
import { nodeLogger } from './logger.js'
import { NodeNetwork } from './network.js'
import { NodeRandom } from './random.js'

export function nodePorts(logLevel: Parameters<typeof nodeLogger>[0]): Ports {
  return {
    clock: new NodeClock(),
    disk: new NodeDisk(),
    network: new NodeNetwork(),
    random: new NodeRandom(),
    compute: new NodeCompute(),
    host: new NodeHost(),
    logger: nodeLogger(logLevel),
  }
}
