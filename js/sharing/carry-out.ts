/**
 * How the engine of the leader is asked for a request, its own tab's or another's, and how each kind of request outlives
 * a leader: reads are simply repeated, writes by their token.
 */
import {
  type HostPort,
  type RequestInput,
  type RequestKind,
  type RequestOptions,
  type RequestOutput,
} from '../engine/protocol.js'

/** Repeating any other changes nothing that was not asked for: they read, or find done what they ask for. */
const TOKENED: ReadonlySet<RequestKind> = new Set<RequestKind>([
  'upsert',
  'deleteRows',
  'dropCollection',
  'commitTransaction',
  'restoreTo',
])

export function needsToken(kind: RequestKind): boolean {
  return TOKENED.has(kind)
}

let nextCheck = -1

/** `isRepeated`: an earlier leader, or this one, may have done it already. */
export async function carryOut<K extends RequestKind>(
  host: HostPort,
  kind: K,
  input: RequestInput<K>,
  options: RequestOptions,
  isRepeated: boolean,
): Promise<RequestOutput<K>> {
  if (kind === 'stagePart') return checkPart(host, input as RequestInput<'stagePart'>)
  const { token } = options
  if (isRepeated && token !== undefined) {
    const rows = await host.request('findToken', { token })
    if (rows !== null) return kind === 'dropCollection' ? null : rows
  }
  return host.request(kind, input, options)
}

/** Only checked: the parts stay with the tab that uploads them, which may see several leaders until all are in. */
async function checkPart(host: HostPort, input: RequestInput<'stagePart'>): Promise<null> {
  // Beside the numbers that tabs give their uploads.
  const upload = nextCheck
  nextCheck -= 1
  await host.request('stagePart', { ...input, upload })
  return host.request('discardUpload', { upload })
}
