/** Points in time and durations in the notation of ISO 8601, as kafka-consumer-groups.sh takes them. */

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?$/
const DURATION =
  /^([+-]?)P(?:([+-]?\d+)D)?(?:T(?=[+-]?\d)(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?\d+)(?:[.,](\d{1,9}))?S)?)?$/i

/** Milliseconds since 1970, or undefined for what is no point in time. Without an offset it is UTC. */
export function parseDateTime(text: string): number | undefined {
  const match = DATE_TIME.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0))
  const milliseconds = Math.trunc(Number(`0.${match[7] ?? '0'}`) * 1000)
  const time = new Date(Date.UTC(year!, month! - 1, day!, hour!, minute!, second!, milliseconds))
  // What does not exist, as February 30th, would be another day.
  const exists =
    time.getUTCMonth() === month! - 1 && time.getUTCDate() === day && hour! < 24 && minute! < 60 && second! < 60
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)?$/.exec(match[8] ?? 'Z') ?? []
  const awayMinutes = Number(hours ?? 0) * 60 + Number(minutes ?? 0)
  return exists ? time.getTime() - (sign === '-' ? -1 : 1) * awayMinutes * 60_000 : undefined
}

/** Milliseconds, or undefined for what is no duration. Each part may have a sign of its own. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text)
  if (match === null || match.slice(2, 6).every((part) => part === undefined)) return undefined
  const [days, hours, minutes, seconds] = match.slice(2, 6).map((part) => Number(part ?? 0))
  const fraction = Math.trunc(Number(`0.${match[6] ?? '0'}`) * 1000) * (match[5]?.startsWith('-') ? -1 : 1)
  const total = (((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * 1000 + fraction
  return match[1] === '-' ? -total : total
}
