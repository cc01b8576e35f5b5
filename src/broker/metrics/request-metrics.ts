/** How many requests of each API came, and how long they took from their arrival to their answer: Kafka's RequestMetrics. */
import { Histogram } from '../../base/histogram.js'

export class RequestMetrics {
  readonly #byApi = new Map<string, Histogram>()

  /** Where the requests of an API are counted. */
  of(api: string): Histogram {
    let histogram = this.#byApi.get(api)
    if (histogram === undefined) {
      histogram = new Histogram()
      this.#byApi.set(api, histogram)
    }
    return histogram
  }

  get apis(): ReadonlyMap<string, Histogram> {
    return this.#byApi
  }
}
