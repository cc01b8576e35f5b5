/** A setting of the form `host:port`: where to listen, if anywhere. */
import { type Setting, string } from './setting.js'

export interface HostPort {
  /** Empty: every address. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** Without a value: undefined. */
export function hostPort(options: {
  readonly default: string
  readonly doc: string
}): Setting<{ readonly at: HostPort | undefined }> {
  return { ...string(options), allowed: 'host:port, or nothing', parse }
}

function parse(text: string): { readonly at: HostPort | undefined } | undefined {
  if (text.trim() === '') return { at: undefined }
  const match = /^(\[[^\]]*\]|[^:/\s]*):(\d{1,5})$/.exec(text.trim())
  const port = Number(match?.[2])
  return match === null || port > 65535 ? undefined : { at: { host: match[1]!.replace(/^\[|\]$/g, ''), port } }
}
