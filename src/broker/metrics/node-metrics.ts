/**
 * What a node says of itself to a monitor, gathered when it is asked: Kafka's standard metrics with their meanings, under the names that
 * Prometheus' JMX exporter gives them, and the state of the process.
 */
import { Histogram } from '../../base/histogram.js'
import type { Clock, Timer } from '../../io/clock.js'
import type { Host } from '../../io/host.js'
import type { MetadataImage } from '../../metadata/image.js'
import type { Broker } from '../broker.js'
import type { ConnectionLimits } from '../server/connection-limits.js'
import type { RequestMemory } from '../server/request-memory.js'
import { ofCleaner } from './cleaner-metrics.js'
import { ofComparisons, ofController, ofIsrChanges, ofReplicas } from './cluster-metrics.js'
import { Exposition, type Labels } from './exposition.js'
import { ofGroups } from './group-metrics.js'
import type { RequestMetrics } from './request-metrics.js'
import type { Traffic } from './traffic.js'

/** Logs that are shown for themselves; further ones are not. */
const MAX_LOGS = 10_000
const DELAY_INTERVAL_MS = 500

export interface MetricsSources {
  readonly nodeId: number
  readonly broker: Broker | undefined
  readonly image: () => MetadataImage
  readonly isActiveController: () => boolean
  readonly requests: RequestMetrics
  readonly flushes: Histogram
  readonly limits: ConnectionLimits
  readonly memory: RequestMemory
  /** By the name of the listener. */
  readonly connections: () => readonly (readonly [listener: string, count: number])[]
}

/** How late the event loop comes to what it should do, by the clock port. */
export class EventLoopDelay {
  readonly histogram = new Histogram()
  readonly #clock: Clock
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#next()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #next(): void {
    this.#timer = this.#clock.timer(DELAY_INTERVAL_MS, (lateMs) => {
      this.histogram.add(lateMs)
      this.#next()
    })
  }
}

export function metricsText(sources: MetricsSources, delay: EventLoopDelay, host: Host): string {
  const page = new Exposition()
  if (sources.broker !== undefined) ofBroker(page, sources, sources.broker)
  ofController(page, sources.image(), sources.isActiveController())
  ofServer(page, sources)
  page.histogram('kafka_log_logflushstats_logflushtimems', 'Time of a flush of a log, in milliseconds.', [
    [{}, sources.flushes],
  ])
  page.histogram('lograft_event_loop_delay_ms', 'How late timers come, in milliseconds.', [[{}, delay.histogram]])
  const { residentBytes, heapUsedBytes, externalBytes } = host.memory()
  page.gauge('process_resident_memory_bytes', 'Resident memory of the process.', [[{}, residentBytes]])
  page.gauge('nodejs_heap_size_used_bytes', 'Memory of objects.', [[{}, heapUsedBytes]])
  page.gauge('nodejs_external_memory_bytes', 'Memory of buffers and the like.', [[{}, externalBytes]])
  return page.text()
}

function ofBroker(page: Exposition, { image, nodeId }: MetricsSources, broker: Broker): void {
  const { traffic, replicas } = broker
  const { topicsByName } = image()
  traffic.retain((topic) => topicsByName.has(topic))
  const counted: readonly (readonly [Labels, Traffic])[] = [
    [{}, traffic.all],
    ...[...traffic.topics].map(([topic, each]) => [{ topic }, each] as const),
  ]
  const counter = (name: string, help: string, of: (traffic: Traffic) => number): void =>
    page.counter(
      `kafka_server_brokertopicmetrics_${name}_total`,
      `${help}, of all topics and of each.`,
      counted.map(([labels, each]) => [labels, of(each)]),
    )
  counter('messagesin', 'Records that producers have written', ({ messagesIn }) => messagesIn)
  counter('bytesin', 'Bytes of batches that producers have written', ({ bytesIn }) => bytesIn)
  counter('bytesout', 'Bytes of batches that consumers were given', ({ bytesOut }) => bytesOut)

  ofReplicas(page, image(), nodeId, replicas.hosted)
  ofIsrChanges(page, broker.isrChanges)
  ofComparisons(page, broker)
  page.gauge('kafka_server_delayedoperationpurgatory_purgatorysize', 'Requests that wait.', [
    [{ delayedOperation: 'Produce' }, replicas.produces.size],
    [{ delayedOperation: 'Fetch' }, replicas.fetches.size],
  ])
  ofCleaner(page, replicas.cleaner)
  ofGroups(page, broker)
  const { fetchSessions } = broker
  page.gauge('kafka_server_fetchsessioncache_numincrementalfetchsessions', 'Fetch sessions.', [
    [{}, fetchSessions.size],
  ])
  page.gauge(
    'kafka_server_fetchsessioncache_numincrementalfetchpartitionscached',
    'Partitions of all fetch sessions.',
    [[{}, fetchSessions.partitions]],
  )
  page.counter(
    'kafka_server_fetchsessioncache_incrementalfetchsessionevictions_total',
    'Fetch sessions that had to go for others.',
    [[{}, fetchSessions.evictions]],
  )
  page.counter('lograft_incremental_fetches_total', 'Fetches in a session that there was.', [
    [{}, fetchSessions.incrementalFetches],
  ])
  page.gauge('lograft_fetch_memory_used_bytes', 'Read for fetches and not taken by their clients yet.', [
    [{}, broker.fetchMemory.bytes],
  ])
  const logs = replicas.hosted.partitions
    .slice(0, MAX_LOGS)
    .map(({ id: { topic, partition }, log }) => ({ labels: { topic, partition }, log }))
  page.gauge(
    'kafka_log_log_size',
    'Bytes of the log.',
    logs.map(({ labels, log }) => [labels, log.sizeBytes]),
  )
  page.gauge(
    'kafka_log_log_logstartoffset',
    'First offset of the log.',
    logs.map(({ labels, log }) => [labels, log.startOffset]),
  )
  page.gauge(
    'kafka_log_log_logendoffset',
    'The offset behind the last of the log.',
    logs.map(({ labels, log }) => [labels, log.logEndOffset]),
  )
}

function ofServer(page: Exposition, { requests, limits, memory, connections }: MetricsSources): void {
  const apis = [...requests.apis].map(([request, histogram]) => [{ request }, histogram] as const)
  page.counter(
    'kafka_network_requestmetrics_requests_total',
    'Requests that were answered, by API.',
    apis.map(([labels, { count }]) => [labels, count]),
  )
  page.histogram(
    'kafka_network_requestmetrics_totaltimems',
    'Time from the arrival of a request to its answer, in milliseconds, by API.',
    apis,
  )
  page.gauge(
    'kafka_server_socketservermetrics_connection_count',
    'Open connections, by listener.',
    connections().map(([listener, count]) => [{ listener }, count]),
  )
  page.counter('lograft_connections_refused_total', 'Connections that were closed because there were too many.', [
    [{}, limits.refused],
  ])
  page.gauge('kafka_network_socketserver_memorypoolused', 'Bytes of requests that have not been answered yet.', [
    [{}, memory.bytes],
  ])
  page.gauge('lograft_connections_waiting_for_memory', 'Connections not read because of queued.max.request.bytes.', [
    [{}, memory.waiting],
  ])
}
