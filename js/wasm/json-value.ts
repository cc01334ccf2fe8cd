/**
 * Whether a value is JSON, so that what is stored comes back equal. `JSON.stringify` alone turns NaN into
 * null, a Map into {} and drops functions in silence.
 *
 * A property whose value is `undefined` counts as absent, as everywhere in JSON.
 */

/** Objects and arrays inside each other; a cycle ends here too. */
export const JSON_DEPTH_MAX = 256

/** What is wrong and where (".tags[2] is a Date; ..."), or `null` when the value is JSON. */
export function checkJson(value: unknown): string | null {
  return check(value, 0)
}

function check(value: unknown, depth: number): string | null {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return null
  if (typeof value === 'number')
    return Number.isFinite(value) ? null : ` is ${value}, which JSON does not have`
  if (typeof value !== 'object') {
    return ` is ${value === undefined ? 'undefined' : `a ${typeof value}`}; expected a JSON value`
  }
  if (depth === JSON_DEPTH_MAX) return ` is cyclic, or nested deeper than ${JSON_DEPTH_MAX}`
  return Array.isArray(value) ? checkArray(value, depth) : checkObject(value, depth)
}

function checkArray(array: readonly unknown[], depth: number): string | null {
  for (let i = 0; i < array.length; i += 1) {
    const problem = check(array[i], depth + 1)
    if (problem !== null) return `[${i}]${problem}`
  }
  return null
}

function checkObject(object: object, depth: number): string | null {
  const prototype: unknown = Object.getPrototypeOf(object)
  // The second test lets plain objects of another realm (an iframe, a vm context) pass.
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
    return ` is of class ${object.constructor?.name ?? '?'}; expected a JSON value`
  }
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue
    const problem = check(value, depth + 1)
    if (problem !== null) return `.${key}${problem}`
  }
  return null
}
