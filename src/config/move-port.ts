/** Another port for clients than the file says: that of the first listener which is not for controllers, and what is advertised for it. */
import { nodeSettings } from './node-settings.js'

type Entries = Map<string, string>

/** Changes `listeners`, and `advertised.listeners` where it names the same port; what is not well-formed stays, to be refused later. */
export function movePort(entries: Entries, port: number): void {
  const forControllers = items(entries, 'controller.listener.names')
  const listeners = items(entries, 'listeners')
  const at = listeners.findIndex((listener) => !forControllers.includes(nameOf(listener)))
  const moved = /^(.*):(\d+)$/.exec(listeners[at] ?? '')
  if (moved === null) return
  listeners[at] = `${moved[1]}:${port}`
  entries.set('listeners', listeners.join(','))
  const advertised = items(entries, 'advertised.listeners').map((listener) => {
    const isMoved = nameOf(listener) === nameOf(listeners[at]!) && listener.endsWith(`:${moved[2]}`)
    return isMoved ? `${listener.slice(0, listener.lastIndexOf(':'))}:${port}` : listener
  })
  if (advertised.length > 0) entries.set('advertised.listeners', advertised.join(','))
}

function items(entries: Entries, key: 'listeners' | 'advertised.listeners' | 'controller.listener.names'): string[] {
  return [...(nodeSettings[key].parse(entries.get(key) ?? nodeSettings[key].default!) ?? [])]
}

function nameOf(listener: string): string {
  return listener.slice(0, listener.indexOf(':')).toUpperCase()
}
