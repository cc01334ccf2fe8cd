import { describe, expect, it } from 'vitest'
import { readProjectFile } from './project-files.js'

const HEADER = 'core/include/omendb/limits.h'
/** Files of the API that state a limit of what a caller may give. */
const SOURCES = ['js/api/validation.ts', 'js/api/open.ts', 'js/wasm/row-batch.ts', 'js/wasm/json-value.ts']

const page = readProjectFile('docs/limits.md')

/** `(1U << 31) - 1`, `1'000'000`, `4.6e18` */
function valueOf(expression: string): number {
  const plain = expression.replaceAll(/(?<=\d)['_](?=\d)|(?<=\d)U\b/g, '')
  const match = /^\(?([\d.e+-]+)(?: << (\d+)\))?(?: << (\d+))?(?: - (\d+))?$/.exec(plain)
  if (match === null) throw new Error(`a limit is written in a new way: ${expression}`)
  const [, base, inner, outer, less] = match
  return Number(base) * 2 ** Number(inner ?? outer ?? 0) - Number(less ?? 0)
}

/** The ways in which the page may write a value. */
function spellings(value: number): string[] {
  const mebibytes = value / (1 << 20)
  return [value.toLocaleString('en-US'), String(value), value.toExponential().replace('+', '')].concat(
    Number.isInteger(mebibytes) ? [`${mebibytes} MiB`] : [],
  )
}

const constants = [
  ...[...readProjectFile(HEADER).matchAll(/^inline constexpr \w+ (k\w+) = ([^;]+);/gm)],
  ...SOURCES.flatMap((path) => [...readProjectFile(path).matchAll(/const ([A-Z_]+_MAX) = (.+)$/gm)]),
].map(([, name, expression]) => [name!, valueOf(expression!)] as const)

describe('docs/limits.md', () => {
  it('is compared with all there are', () => {
    expect(constants.length).toBeGreaterThanOrEqual(25)
  })

  it.each(constants)('says what %s is', (name, value) => {
    const lines = page.split('\n').filter((line) => line.includes(`\`${name}\``))
    expect(lines.length).toBe(1)
    const escaped = spellings(value).map((each) => each.replaceAll('.', '\\.'))
    expect(lines[0]).toMatch(new RegExp(`(?<![\\d.,])(${escaped.join('|')})(?![\\d]|[.,]\\d)`))
  })

  it('names no constant that is not there', () => {
    const known = new Set(constants.map(([name]) => name))
    const named = [...page.matchAll(/`(k[A-Z]\w+|[A-Z]+_[A-Z_]+_MAX|[A-Z]+_MAX)`/g)].map(([, name]) => name!)
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })
})
