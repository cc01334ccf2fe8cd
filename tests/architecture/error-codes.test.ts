import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../js/errors/codes.js'
import { readProjectFile } from './project-files.js'

/** kInvalidArgument -> INVALID_ARGUMENT */
const spelled = (enumerator: string) =>
  enumerator
    .slice(1)
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
    .toUpperCase()

function codesOfHeader(): Record<string, number> {
  const header = readProjectFile('core/include/omendb/status.h')
  const body = /enum class Code : uint8_t \{([\s\S]*?)\n\};/.exec(header)?.[1] ?? ''
  return Object.fromEntries(
    [...body.matchAll(/^\s*(k\w+) = (\d+),/gm)].map(([, name, number]) => [spelled(name!), Number(number)]),
  )
}

/** Headings of docs/error-codes.md: `## INVALID_ARGUMENT (1)`, each with its paragraphs. */
function sectionsOfDocument(): { name: string; number: number; text: string }[] {
  const [, ...parts] = readProjectFile('docs/error-codes.md').split(/^## /m)
  return parts.map((part) => {
    const match = /^(\w+) \((\d+)\)\n([\s\S]*)$/.exec(part)
    if (!match) throw new Error(`docs/error-codes.md: unexpected heading "${part.split('\n')[0] ?? ''}"`)
    return { name: match[1]!, number: Number(match[2]), text: match[3]! }
  })
}

describe('error codes', () => {
  it('are the same in C++ and TypeScript', () => {
    expect(codesOfHeader()).toEqual({ OK: 0, ...ERROR_CODES })
  })

  it('are counted in C++', () => {
    const count = /kCodeCount = (\d+);/.exec(readProjectFile('core/include/omendb/status.h'))?.[1]
    expect(Number(count)).toBe(Object.keys(codesOfHeader()).length)
  })

  it('have numbers 0, 1, 2, ... without gaps, in order', () => {
    expect(Object.values(codesOfHeader())).toEqual(Object.keys(codesOfHeader()).map((_, index) => index))
  })

  it('are the same in the document, in order', () => {
    const documented = sectionsOfDocument().map(({ name, number }) => [name, number])
    expect(documented).toEqual(Object.entries(ERROR_CODES))
  })

  it('each have their meaning, when, and what to do', () => {
    for (const { name, text } of sectionsOfDocument()) {
      for (const part of ['**Means.** ', '**When.** ', '**Do.** ']) expect(text, name).toContain(part)
    }
  })

  it('each have one error class', async () => {
    const classes = await import('../../js/errors/omen-error.js')
    const codes = Object.entries(classes as Record<string, unknown>)
      .filter(([name]) => name.endsWith('Error') && name !== 'OmenError')
      .map(([, value]) => new (value as new (message: string) => { code: string })('').code)
    expect(codes.sort()).toEqual(Object.keys(ERROR_CODES).sort())
  })
})
