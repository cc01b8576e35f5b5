/** `consumer-groups --list`: names alone, or with types and states. */
import type { ClusterClient } from '../../client/cluster-client.js'
import { misuse } from '../fail.js'
import { inColumns, widthOf } from './columns.js'
import { listConsumerGroups } from './groups.js'

const STATES = ['PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead', 'Empty', 'Assigning', 'Reconciling']
const TYPES = ['Classic', 'Consumer']

/** Kafka's names, from names in any case with commas between; empty: all. */
function namesOf(option: string, given: string | undefined, known: readonly string[]): string[] {
  if (given === undefined || given.trim() === '') return []
  return given.split(',').map((text) => {
    const name = known.find((each) => each.toLowerCase() === text.trim().toLowerCase())
    return name ?? misuse(`--${option} ${text.trim()} is not allowed: it must be one of ${known.join(', ')}`)
  })
}

/** `states`, `types`: also shown; empty: of any. */
export async function list(
  client: ClusterClient,
  { states, types }: { readonly states: string | undefined; readonly types: string | undefined },
): Promise<void> {
  const filter = { states: namesOf('state', states, STATES), types: namesOf('type', types, TYPES) }
  const groups = await listConsumerGroups(client, filter)
  if (states === undefined && types === undefined) {
    process.stdout.write(groups.map(({ groupId }) => `${groupId}\n`).join(''))
    return
  }
  const cells = (group: string, type: string, state: string): string[] => [
    group,
    ...(types === undefined ? [] : [type]),
    ...(states === undefined ? [] : [state]),
  ]
  const rows = groups.map(({ groupId, type, state }) => cells(groupId, type || 'Unknown', state || 'Unknown'))
  const widths = [
    widthOf(
      15,
      groups.map(({ groupId }) => groupId),
    ) + 10,
    20,
    20,
  ]
  process.stdout.write([cells('GROUP', 'TYPE', 'STATE'), ...rows].map((row) => `${inColumns(row, widths)}\n`).join(''))
}
