import { type ErrorCode } from '../../../js/errors/codes.js'
import { OmenError } from '../../../js/errors/omen-error.js'

/** The code of the OmenError that a call throws; any other error goes on. */
export function codeOf(call: () => unknown): ErrorCode | 'no error' {
  try {
    call()
  } catch (error) {
    if (error instanceof OmenError) return error.code
    throw error
  }
  return 'no error'
}

export function messageOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return (error as Error).message
  }
  return 'no error'
}
