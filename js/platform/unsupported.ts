import type { StorageName } from '../api/types.js'
import { errorFromCode, type OmenError } from '../errors/omen-error.js'

export function unsupportedStorage(name: StorageName, runtime: string): OmenError {
  return errorFromCode('UNSUPPORTED', `there is no '${name}' storage in ${runtime}`)
}
