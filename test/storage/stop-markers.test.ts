/** What a start knows of the stop before it: whether anything can be missing, and of which registration of the broker nothing is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DATA, SimulatedStore } from './simulated-store.js'

type Strike = 'crash' | 'losePower'

function found(store: SimulatedStore): readonly [string, number] {
  const { lastStop, previousBrokerEpoch } = store.running!.directory
  return [lastStop, previousBrokerEpoch]
}

/** In use, and registered under this epoch. */
function registered(seed: string, brokerEpoch: number): SimulatedStore {
  const store = new SimulatedStore(seed).reopened()
  store.turn(() => store.running!.directory.registered(brokerEpoch))
  store.pass(100)
  return store
}

for (const [name, strike, after] of [
  ['the process dies, and the page cache lives', 'crash', ['processCrash', 7]],
  ['the power is lost', 'losePower', ['unclean', -1]],
] as const) {
  test(`after a registration ${name}`, () => {
    const store = registered(name, 7)
    assert.deepEqual(found(store), ['new', -1])
    store.machine[strike]()
    store.start()
    assert.deepEqual(found(store), after)
  })
}

test('a stop in order says under which registration it was, also while another is being written down', () => {
  const store = registered('stopped', 7)
  store.turn(() => store.running!.directory.registered(8))
  assert.equal(store.stop(), 'clean')
  store.machine.losePower()
  store.start()
  // As the store says it.
  assert.deepEqual(found(store), ['clean', 1])
})

test('the latest of several registrations counts', () => {
  const store = registered('several', 7)
  store.turn(() => {
    for (const epoch of [8, 9, 10]) store.running!.directory.registered(epoch)
  })
  store.pass(100)
  store.machine.crash()
  store.start()
  assert.deepEqual(found(store), ['processCrash', 10])
})

// R24, KAFKA-10471
for (const [first, second, after] of [
  ['stop', 'crash', ['processCrash', 1]],
  ['stop', 'losePower', ['unclean', -1]],
  ['crash', 'crash', ['processCrash', 7]],
  ['crash', 'losePower', ['unclean', -1]],
  ['losePower', 'crash', ['processCrash', -1]],
] as const) {
  test(`a start that comes to no end: ${first}, then ${second} before the broker has registered`, () => {
    const store = registered(`${first} ${second}`, 7)
    const strike = (how: Strike): void => store.machine[how]()
    if (first === 'stop') assert.equal(store.stop(), 'clean')
    else strike(first)
    store.start()
    assert.equal(store.file(`${DATA}/.kafka_cleanshutdown`), undefined)
    strike(second)
    store.start()
    assert.deepEqual(found(store), after)
  })
}

test('where a flush has failed something may be missing, although the machine goes on', () => {
  const store = registered('failed', 7)
  const { faults } = store.machine.device
  faults.failedFlushChance = 1
  store.turn(() => store.append(['x']))
  store.until(() => store.running!.directory.offline)
  assert.equal(store.running!.directory.offline, true)
  faults.failedFlushChance = 0
  store.machine.crash()
  store.start()
  assert.deepEqual(found(store), ['unclean', -1])
})
