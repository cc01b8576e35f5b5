/** Lines over time as SVG, with faults shaded. */
import { escaped, rounded } from './markup.js'

export interface Line {
  readonly name: string
  readonly color: string
  /** As of stroke-dasharray; default: none. */
  readonly dashes?: string
  /** At even distances from the beginning; undefined: a gap. */
  readonly values: readonly (number | undefined)[]
}

export interface Band {
  readonly name: string
  readonly fromMs: number
  readonly toMs: number
}

export interface ChartOptions {
  readonly lines: readonly Line[]
  readonly bands: readonly Band[]
  readonly bucketMs: number
  readonly endMs: number
  readonly unit: string
  readonly isLogarithmic?: boolean
}

const WIDTH = 1_000
const HEIGHT = 240
const LEFT = 64
const BOTTOM = 24
const TOP = 8
const TICKS = 5
/** How long one value between two gaps is. */
const ALONE = 3
/** More are not shaded. */
const MOST_BANDS = 500
const BAND_COLORS = ['#d33', '#36c', '#c80', '#393', '#808', '#088', '#555']

export function chart({ lines, bands, bucketMs, endMs, unit, isLogarithmic = false }: ChartOptions): string {
  const most = Math.max(...lines.flatMap(({ values }) => values.map((value) => value ?? 0)), 1)
  const least = isLogarithmic ? 0.1 : 0
  const x = (ms: number): number => LEFT + ((WIDTH - LEFT) * Math.min(ms, endMs)) / Math.max(endMs, 1)
  const y = (value: number): number => {
    const share = isLogarithmic
      ? Math.log(Math.max(value, least) / least) / Math.log(Math.max(most, 1) / least)
      : value / most
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share
  }
  const colors = new Map<string, string>()
  const shaded = bands.slice(0, MOST_BANDS).map(({ name, fromMs, toMs }) => {
    if (!colors.has(name)) colors.set(name, BAND_COLORS[colors.size % BAND_COLORS.length]!)
    const width = Math.max(1, x(toMs) - x(fromMs))
    const title = `${name}, ${(fromMs / 1_000).toFixed(1)} to ${(toMs / 1_000).toFixed(1)} s`
    return `<rect x="${rounded(x(fromMs))}" y="${TOP}" width="${rounded(width)}" height="${HEIGHT - BOTTOM - TOP}" fill="${colors.get(name)}" opacity="0.12"><title>${escaped(title)}</title></rect>`
  })
  const drawn = lines.map(({ color, dashes, values }) => {
    const style = dashes === undefined ? '' : ` stroke-dasharray="${dashes}"`
    return `<path d="${pathOf(values, (bucket) => x((bucket + 0.5) * bucketMs), y)}" fill="none" stroke="${color}"${style}/>`
  })
  const legend = [
    ...lines.map(({ name, color }) => `<span><i style="background:${color}"></i>${escaped(name)}</span>`),
    ...[...colors].map(
      ([name, color]) => `<span><i style="background:${color};opacity:.3"></i>${escaped(name)}</span>`,
    ),
  ]
  const axes = [...yTicks(most, least, isLogarithmic, y, unit), ...xTicks(endMs, x)]
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">${shaded.join('')}${axes.join('')}${drawn.join('')}</svg><p class="legend">${legend.join(' ')}</p>`
}

function pathOf(
  values: readonly (number | undefined)[],
  x: (bucket: number) => number,
  y: (value: number) => number,
): string {
  const steps: string[] = []
  for (const [bucket, value] of values.entries()) {
    if (value === undefined) continue
    const isFirst = values[bucket - 1] === undefined
    steps.push(`${isFirst ? 'M' : 'L'}${rounded(x(bucket))} ${rounded(y(value))}`)
    // One that stands alone is seen, too.
    if (isFirst && values[bucket + 1] === undefined) steps.push(`h${ALONE}`)
  }
  return steps.join('')
}

function yTicks(
  most: number,
  least: number,
  isLogarithmic: boolean,
  y: (value: number) => number,
  unit: string,
): string[] {
  const values = isLogarithmic
    ? [0.1, 1, 10, 100, 1_000, 10_000, 100_000].filter((value) => value >= least && value <= most)
    : Array.from({ length: TICKS }, (_, n) => (most * n) / (TICKS - 1))
  return values.map((value) => {
    const at = rounded(y(value))
    const told = value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1)
    return `<line x1="${LEFT}" x2="${WIDTH}" y1="${at}" y2="${at}" class="grid"/><text x="${LEFT - 4}" y="${at}" text-anchor="end">${told} ${escaped(unit)}</text>`
  })
}

function xTicks(endMs: number, x: (ms: number) => number): string[] {
  return Array.from({ length: TICKS * 2 + 1 }, (_, n) => (endMs * n) / (TICKS * 2)).map((ms, n) => {
    const anchor = n === 0 ? 'start' : n === TICKS * 2 ? 'end' : 'middle'
    return `<text x="${rounded(x(ms))}" y="${HEIGHT - 6}" text-anchor="${anchor}">${(ms / 1_000).toFixed(endMs < 1_000 ? 2 : endMs < 10_000 ? 1 : 0)} s</text>`
  })
}
