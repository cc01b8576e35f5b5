/**
 * ListConfigResources: resources that have settings.
 *
 * v0 those of client metrics (KIP-1000); v1 of any type (KIP-1142).
 */
import { array, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const ListConfigResources = message({
  name: 'ListConfigResources',
  key: 74,
  versions: [0, 1],
  flexible: 0,
  request: {
    resourceTypes: array(int8).since(1),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    configResources: array(
      struct({
        resourceName: string,
        resourceType: int8.default(16).since(1).ignorable(),
      }),
    ),
  },
})
