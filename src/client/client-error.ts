/** What a client reports: an error of Kafka's by its name, with a sentence for people. */
import { type ErrorName, errorByCode } from '../protocol/errors.js'

/**
 * `name` of `kafka` is what a server answered, or what Kafka's own clients would say in the same place: REQUEST_TIMED_OUT when time is up,
 * NETWORK_EXCEPTION when an answer got lost, BROKER_NOT_AVAILABLE when nobody could be reached, UNSUPPORTED_VERSION for what a server does not serve.
 */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly error: ErrorName
  /** The same request may succeed later. */
  readonly retriable: boolean

  constructor(error: ErrorName, message: string, retriable = false) {
    super(message)
    this.error = error
    this.retriable = retriable
  }
}

/** A record was not acknowledged. */
export class DeliveryError extends ClientError {
  /** False: it was never handed to a connection, or each broker that it was handed to has refused it before it wrote anything. */
  readonly mayBeWritten: boolean

  constructor({ error, message }: ClientError, mayBeWritten: boolean) {
    super(error, message)
    this.mayBeWritten = mayBeWritten
  }
}

/** For a code in a response that is not 0; `detail` is the server's own message, `what` says what the answer is about. */
export function serverError(code: number, what: string, detail?: string | null): ClientError {
  const { name, sentence, retriable } = errorByCode(code)
  const said = detail === undefined || detail === null || detail === '' ? sentence : detail
  // Servers mostly say what it is about.
  const subject = said.includes(what) ? '' : `${what}: `
  return new ClientError(name, `${subject}${said} (${name})`, retriable)
}
