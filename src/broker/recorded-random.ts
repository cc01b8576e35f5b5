/** Randomness for a core whose inputs are recorded: what a decision draws is an input to it like any other; it follows the decision in the record. */
import type { FlightTrack } from '../base/flight-recorder.js'
import type { Random } from '../io/random.js'

export function recordedRandom(random: Random, track: FlightTrack): Random {
  return {
    below: (limit) => {
      const value = random.below(limit)
      track('drawn', value)
      return value
    },
    bytes: (length) => {
      const bytes = random.bytes(length)
      track('drawn', Buffer.from(bytes).toString('hex'))
      return bytes
    },
  }
}
