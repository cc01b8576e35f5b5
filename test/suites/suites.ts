/** The list of the suites. */
import { franzGoSuites } from './clients/franz-go.js'
import { jestSuites } from './clients/jest.js'
import { kafkaPythonSuites } from './clients/kafka-python.js'
import { librdkafkaSuites } from './clients/librdkafka.js'
import { platformaticSuites } from './clients/platformatic.js'
import type { Suite } from './suite.js'

export const SUITES: readonly Suite[] = [
  ...kafkaPythonSuites,
  ...franzGoSuites,
  ...librdkafkaSuites,
  ...jestSuites,
  ...platformaticSuites,
]
