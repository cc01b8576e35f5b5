/** Prometheus' text format (version 0.0.4): families of samples, each with its help and type. */
import { Histogram } from '../../base/histogram.js'

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export type Labels = Readonly<Record<string, string | number>>

export class Exposition {
  readonly #lines: string[] = []

  /** A number that only grows. */
  counter(name: string, help: string, samples: readonly (readonly [Labels, number])[]): void {
    this.#family(name, 'counter', help, samples)
  }

  /** A number as it is now. */
  gauge(name: string, help: string, samples: readonly (readonly [Labels, number])[]): void {
    this.#family(name, 'gauge', help, samples)
  }

  /** Times in milliseconds, as Kafka's. */
  histogram(name: string, help: string, samples: readonly (readonly [Labels, Histogram])[]): void {
    this.#head(name, 'histogram', help)
    for (const [labels, { counts, count, sumMs }] of samples) {
      let upTo = 0
      for (const [at, bound] of Histogram.boundsMs.entries()) {
        upTo += counts[at]!
        this.#sample(`${name}_bucket`, { ...labels, le: bound }, upTo)
      }
      this.#sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count)
      this.#sample(`${name}_sum`, labels, sumMs)
      this.#sample(`${name}_count`, labels, count)
    }
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`
  }

  #family(name: string, type: string, help: string, samples: readonly (readonly [Labels, number])[]): void {
    this.#head(name, type, help)
    for (const [labels, value] of samples) this.#sample(name, labels, value)
  }

  #head(name: string, type: string, help: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
  }

  #sample(name: string, labels: Labels, value: number): void {
    const text = Object.entries(labels).map(([key, label]) => `${key}="${escaped(String(label))}"`)
    this.#lines.push(`${name}${text.length === 0 ? '' : `{${text.join(',')}}`} ${value}`)
  }
}

function escaped(label: string): string {
  return label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
