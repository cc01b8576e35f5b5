/**
 * CoordinatorLink: the way of a consumer to the broker that coordinates its group: finds it, and anew after somebody has said that it is another one. Does
 * not try again: who asks knows whether that is right.
 */
import type { Fields } from '../../protocol/field.js'
import type { InOfMessage, Message, OutOfMessage } from '../../protocol/schema.js'
import { findCoordinators, onlyAnswer } from '../admin/coordinators.js'
import { ClientError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'

/** Joins wait for other members, so that nothing else may wait behind them. */
export type Purpose = 'membership' | 'offsets'

export interface CoordinatorCall<Request extends Fields, Response extends Fields, Result> {
  readonly message: Message<Request, Response>
  /** Where the shape depends on the version. */
  readonly body: (version: number) => InOfMessage<Request>
  /** Must take what it needs out of the answer: bytes in it are only there until it returns. */
  readonly take: (response: OutOfMessage<Response>, version: number) => Result
  readonly timeoutMs?: number
  /** Not newer than this one. */
  readonly newest?: number
}

export class CoordinatorLink {
  readonly #client: ClusterClient
  readonly #groupId: string
  #nodeId: number | undefined
  #finding: Promise<number> | undefined

  constructor(client: ClusterClient, groupId: string) {
    this.#client = client
    this.#groupId = groupId
  }

  /** Whoever it was, it is not any more. */
  lost(): void {
    this.#nodeId = undefined
  }

  /** Rejects with `ClientError`; then it is also looked for anew. */
  async call<Request extends Fields, Response extends Fields, Result>(
    purpose: Purpose,
    { message, body, take, timeoutMs, newest }: CoordinatorCall<Request, Response, Result>,
  ): Promise<Result> {
    const nodeId = this.#nodeId ?? (await this.#find())
    try {
      const connection = await this.#client.connection({ nodeId, purpose })
      const common = connection.versionOf(message as unknown as Message)
      if (common === undefined) {
        throw new ClientError('UNSUPPORTED_VERSION', `the broker does not serve ${message.name}, which this needs`)
      }
      const version = Math.min(common, newest ?? common)
      return await new Promise((resolve, reject) => {
        connection.send(
          message,
          version,
          body(version),
          (error, response) => {
            if (response === undefined) {
              const isWrong = error!.kind === 'wrong'
              return reject(
                new ClientError(isWrong ? 'UNKNOWN_SERVER_ERROR' : 'NETWORK_EXCEPTION', error!.message, !isWrong),
              )
            }
            try {
              resolve(take(response, version))
            } catch (thrown) {
              reject(thrown)
            }
          },
          timeoutMs,
        )
      })
    } catch (error) {
      const isElsewhere =
        error instanceof ClientError && (ELSEWHERE.has(error.error) || error.error.startsWith('BROKER'))
      if (isElsewhere && this.#nodeId === nodeId) this.lost()
      throw error
    }
  }

  #find(): Promise<number> {
    this.#finding ??= this.#ask().finally(() => {
      this.#finding = undefined
    })
    return this.#finding
  }

  async #ask(): Promise<number> {
    this.#nodeId = onlyAnswer(await findCoordinators(this.#client, [this.#groupId]), this.#groupId)
    return this.#nodeId
  }
}

const ELSEWHERE: ReadonlySet<string> = new Set(['NETWORK_EXCEPTION', 'NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE'])
