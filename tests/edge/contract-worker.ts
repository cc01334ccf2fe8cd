/** The contract suite as a Worker: GET /?case=NAME answers null, or what went wrong, as JSON. */
import { kvStorage } from '../../storage/kv.js'
import type { KvNamespace } from '../../storage/kv-namespace.js'
import type { ContractEnvironment } from '../storage/contract-environment.js'
import { CONTRACT_CASES } from '../storage/contract-suite.js'
import { HOSTILE_NAMES } from '../storage/hostile-names.js'

interface Bindings {
  readonly NAMESPACE: KvNamespace
}

function environmentOf(namespace: KvNamespace): ContractEnvironment {
  return {
    createAdapter: () => kvStorage(namespace),
    databaseName: (label) => label,
    hostileNames: HOSTILE_NAMES,
    exists: async (database) => (await namespace.list({ prefix: `${database}/` })).keys.length > 0,
    damage: (database, object) => namespace.delete(`${database}/c/${object}/1`),
  }
}

async function runCase(namespace: KvNamespace, name: string | null): Promise<string | null> {
  const environment = environmentOf(namespace)
  const contractCase = CONTRACT_CASES.find((candidate) => candidate.name === name)
  if (contractCase === undefined) return `no case called ${name ?? ''}`
  const reason = contractCase.skipReason(environment)
  if (reason !== null) return `not run: ${reason}`
  try {
    await contractCase.run(environment)
    return null
  } catch (error) {
    return error instanceof Error ? (error.stack ?? String(error)) : String(error)
  }
}

export default {
  async fetch(request: Request, bindings: Bindings): Promise<Response> {
    return Response.json(await runCase(bindings.NAMESPACE, new URL(request.url).searchParams.get('case')))
  },
}
