import type { StorageAdapter } from '../../storage/contract.js'
import type { Durability, HostSettings } from './protocol.js'

/** What was asked for, or more where less cannot be done. */
export function durabilityOf(host: {
  readonly adapter: StorageAdapter
  readonly settings: HostSettings
  readonly clockStandsStill: boolean
}): Durability {
  // After a crash a frame could be missing before one that is there: opening would take that for damage.
  if (!host.adapter.capabilities.relaxedPutsInOrder) return 'strict'
  // Nothing runs there after a request was answered, not even what would make a write durable a little later.
  return host.clockStandsStill && host.settings.durability === 'relaxed' ? 'strict' : host.settings.durability
}
