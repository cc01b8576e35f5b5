/** How simulated clients look for somebody: any broker is asked, over a connection for that alone, again and again until one gives an answer that serves. */
import type { Address } from '../io/network.js'
import { ClientConnection } from '../rpc/client-connection.js'
import type { ClientPorts } from './client.js'

const REQUEST_TIMEOUT_MS = 1500
const LONGEST_BACKOFF_MS = 200

/** Asks one broker; undefined: it does not know. */
export type Question<Answer> = (connection: ClientConnection, answered: (answer: Answer | undefined) => void) => void

/** `brokers`: one of them at a time, whoever it is. */
export function askAround<Answer>(
  ports: ClientPorts,
  brokers: () => Address,
  ask: Question<Answer>,
  found: (answer: Answer) => void,
): void {
  const { clock, network, random } = ports
  let isOver = false
  const again = (): void => {
    if (isOver) return
    isOver = true
    clock.timer(1 + random.below(LONGEST_BACKOFF_MS), () => askAround(ports, brokers, ask, found))
  }
  const connection = new ClientConnection({
    clock,
    network,
    address: brokers(),
    clientId: 'locator',
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    closed: again,
  })
  connection.negotiate((error) => {
    if (error !== undefined) return
    ask(connection, (answer) => {
      if (answer === undefined) again()
      else isOver = true
      connection.close()
      if (answer !== undefined) found(answer)
    })
  })
}
