/** A producer as its settings say it: `--command-property` and files, also for commands that have flags of their own beside them. */

import { RoundRobinPartitioner } from '../client/producer/partitioner.js'
import type { ProducerOptions } from '../client/producer/producer.js'
import type { ClientSettings } from './client-settings.js'
import { misuse } from './fail.js'

/** What is not set is left to the producer. */
export function producerOptionsOf(settings: ClientSettings<'producer'>): ProducerOptions {
  const { acks, 'enable.idempotence': idempotent } = settings
  if (idempotent === true && acks !== undefined && acks !== -1) misuse('enable.idempotence=true needs acks=all')
  const options = {
    acks,
    idempotent,
    compression: settings['compression.type'],
    batchBytes: settings['batch.size'],
    lingerMs: settings['linger.ms'],
    retries: settings.retries,
    requestTimeoutMs: settings['request.timeout.ms'],
    deliveryTimeoutMs: settings['delivery.timeout.ms'],
    maxRecordBytes: settings['max.request.size'],
    partitioner: settings['partitioner.class'] === 'round robin' ? new RoundRobinPartitioner() : undefined,
  }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
