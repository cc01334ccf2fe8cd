/** The engine's host on a page itself, loaded when there is no worker for it. */
import type { HostPort } from '../engine/protocol.js'
import { browserRuntime } from './browser-runtime.js'
import type { HostRequest } from './connect.js'
import { openHost } from './open-host.js'

const runtime = browserRuntime({
  idbfs: () => import('./idbfs.js'),
  opfs: () => import('./opfs-storage.js'),
})

export function openHere(request: HostRequest): Promise<HostPort> {
  return openHost(runtime, 'in-place', request)
}
