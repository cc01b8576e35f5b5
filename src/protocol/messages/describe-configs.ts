/**
 * DescribeConfigs: settings of topics, brokers and other resources, and where their values come from (KIP-133).
 *
 * v1 source and synonyms instead of a mere default or not (KIP-226); v3 type and documentation (KIP-569); v4 flexible.
 */
import { array, bool, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DescribeConfigs = message({
  name: 'DescribeConfigs',
  key: 32,
  versions: [0, 4],
  flexible: 4,
  request: {
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configurationKeys: array(string).nullable(),
      }),
    ),
    includeSynonyms: bool.since(1),
    includeDocumentation: bool.since(3),
  },
  response: {
    throttleTimeMs: int32,
    results: array(
      struct({
        errorCode: int16,
        errorMessage: string.nullable(),
        resourceType: int8,
        resourceName: string,
        configs: array(
          struct({
            name: string,
            value: string.nullable(),
            readOnly: bool,
            isDefault: bool.until(0),
            configSource: int8.default(-1).since(1).ignorable(),
            isSensitive: bool,
            synonyms: array(
              struct({
                name: string,
                value: string.nullable(),
                source: int8,
              }),
            )
              .since(1)
              .ignorable(),
            configType: int8.since(3).ignorable(),
            documentation: string.nullable().since(3).ignorable(),
          }),
        ),
      }),
    ),
  },
})
