/** Tokens of the writes that went through one adapter object, as long as it lives. To be replaced by the core's own. */
import type { StorageAdapter } from '../../storage/contract.js'
import type { WriteToken } from './protocol.js'

const tokens = new WeakMap<object, Map<string, number>>()

function keyOf({ client, request }: WriteToken): string {
  return `${client}:${request}`
}

export function noteToken(adapter: StorageAdapter, token: WriteToken, rows: number): void {
  const noted = tokens.get(adapter.capabilities) ?? new Map<string, number>()
  tokens.set(adapter.capabilities, noted)
  noted.set(keyOf(token), rows)
}

export function findToken(adapter: StorageAdapter, token: WriteToken): number | null {
  return tokens.get(adapter.capabilities)?.get(keyOf(token)) ?? null
}
