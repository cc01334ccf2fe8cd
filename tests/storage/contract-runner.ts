import { test } from 'vitest'
import type { ContractEnvironment } from './contract-environment.js'
import { CONTRACT_CASES } from './contract-suite.js'

/** Makes a vitest test of every case, for adapters that run in Node. */
export function testContract(environment: ContractEnvironment): void {
  for (const contractCase of CONTRACT_CASES) {
    test(contractCase.name, async ({ skip }) => {
      const reason = contractCase.skipReason(environment)
      if (reason !== null) skip(reason)
      await contractCase.run(environment)
    })
  }
}
