/** IncrementalAlterConfigs on the loggers of this process (KIP-412): nothing of it is written down. */
import { APPEND, type ChangedResource, ConfigRefusal, DELETE, SET, SUBTRACT } from '../controller/configs.js'
import { LOG_LEVELS, LOGGERS, type LoggerName, type LogLevel, type LogLevels, ROOT_LOGGER } from '../io/logger.js'

/** Checks all changes, then makes them unless `validateOnly`. Throws `ConfigRefusal`. */
export function changeLogLevels(levels: LogLevels, { configs }: ChangedResource, validateOnly: boolean): void {
  const changes = configs.map(({ name, value, configOperation = SET }): readonly [LoggerName, LogLevel | undefined] => {
    if (configOperation === APPEND || configOperation === SUBTRACT) {
      throw new ConfigRefusal('INVALID_REQUEST', 'log levels are no lists: they can be set and deleted')
    }
    const logger = LOGGERS.find((each) => each === name)
    if (logger === undefined) {
      throw new ConfigRefusal('INVALID_CONFIG', `there is no logger ${name}: there are ${LOGGERS.join(', ')}`)
    }
    if (configOperation === DELETE) {
      if (logger === ROOT_LOGGER) throw new ConfigRefusal('INVALID_REQUEST', 'the root logger always has a level')
      return [logger, undefined]
    }
    const level = LOG_LEVELS.find((each) => each === value)
    if (configOperation !== SET || level === undefined) {
      throw new ConfigRefusal(
        'INVALID_CONFIG',
        `${name}=${value} is not allowed: it must be one of ${LOG_LEVELS.join(', ')}`,
      )
    }
    return [logger, level]
  })
  if (validateOnly) return
  for (const [logger, level] of changes) levels.set(logger, level)
}
