import type { StorageSession } from '../../storage/contract.js'
import type { ContractEnvironment } from './contract-environment.js'

export interface ContractCase {
  readonly name: string
  /** Why this adapter does not run the case; null when it does. */
  skipReason(environment: ContractEnvironment): string | null
  run(environment: ContractEnvironment): Promise<void>
}

export const HEAD_A = new Uint8Array([1, 2, 3])
export const HEAD_B = new Uint8Array([1, 2, 4])
export const MEBIBYTE = 1024 * 1024

export type Need =
  'compareAndSet' | 'rival' | 'exists' | 'damage' | 'connection' | 'evict' | 'evictOpen' | 'atomic'

function missing(environment: ContractEnvironment, need: Need): string | null {
  const { capabilities } = environment.createAdapter()
  switch (need) {
    case 'compareAndSet':
      return capabilities.compareAndSet ? null : 'the adapter states that it has no compare-and-set'
    case 'rival':
      return environment.createRival ? null : 'there is no lock to steal'
    case 'exists':
      return environment.exists ? null : 'the store cannot be looked at from outside'
    case 'damage':
      return environment.damage ? null : 'the adapter keeps no books of its own'
    case 'connection':
      return environment.loseConnection ? null : 'the adapter has no connection'
    case 'evict':
      return environment.evict ? null : 'the adapter cannot tell what vanished from what never was'
    case 'evictOpen':
      return environment.keepsWhatIsOpen ? 'a page cannot remove what a writer has open' : null
    case 'atomic':
      return capabilities.atomicMultiPut ? null : 'the adapter states that it puts object by object'
  }
}

export function contractCase(
  name: string,
  run: ContractCase['run'],
  needs: readonly Need[] = [],
): ContractCase {
  return {
    name,
    run,
    skipReason: (environment) =>
      needs.map((need) => missing(environment, need)).find((why) => why !== null) ?? null,
  }
}

/** Opens to write, hands the session to `work`, closes it whatever happens. */
export async function withWriter(
  environment: ContractEnvironment,
  database: string,
  work: (session: StorageSession) => Promise<void>,
): Promise<void> {
  const session = await environment.createAdapter().open(database, 'write')
  try {
    await work(session)
  } finally {
    await session.close()
  }
}

export async function withReader(
  environment: ContractEnvironment,
  database: string,
  work: (session: StorageSession) => Promise<void>,
): Promise<void> {
  const session = await environment.createAdapter().open(database, 'read')
  try {
    await work(session)
  } finally {
    await session.close()
  }
}
