import { describe, expect, it } from 'vitest'
import { projectFiles, readProjectFile } from './project-files.js'

const LINES_MAX = 500

const isSource = (path: string) => /\.(cc|h|ts|mjs|cjs|js|css|html)$/.test(path)
const isBinary = (path: string) => /\.(gz|u8|f32|i32|bin|wasm|png|ico|woff2)$/.test(path)

/** Lines of `text` that match any of `patterns`, as `path:line: text`. */
function findings(path: string, text: string, patterns: RegExp[]): string[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, where: `${path}:${index + 1}` }))
    .filter(({ line }) => patterns.some((pattern) => pattern.test(line)))
    .map(({ line, where }) => `${where}: ${line.trim().slice(0, 160)}`)
}

/** Absolute paths into somebody's home, and hosts that packages are downloaded from. */
const machinePatterns = [
  /(^|[\s"'`(=:])\/(home|root|Users)\/[\w.]/,
  /[A-Z]:\\Users\\/,
  /https?:\/\/(registry|npm|nexus|artifactory|mirror|proxy)[\w-]*\./,
  /"resolved":\s"/,
]

describe('project files', () => {
  it(`have at most ${LINES_MAX} lines of source each`, () => {
    const long = projectFiles()
      .filter(isSource)
      .map((path) => ({ path, lines: readProjectFile(path).split('\n').length - 1 }))
      .filter(({ lines }) => lines > LINES_MAX)
    expect(long).toEqual([])
  })

  it('name no path of a machine and no host of a registry', () => {
    const found = projectFiles()
      .filter((path) => !isBinary(path) && path !== 'LICENSE')
      .flatMap((path) => findings(path, readProjectFile(path), machinePatterns))
    expect(found).toEqual([])
  })

  it('have names that say what they hold', () => {
    const vague = projectFiles().filter((path) =>
      /(^|[/_-])(utils?|helpers?|manager|common|misc|stuff)([/_.-]|$)/i.test(path),
    )
    expect(vague).toEqual([])
  })

  it('are named in the style of their language', () => {
    const odd = projectFiles('core', 'wasm', 'js', 'storage', 'tests', 'tools').filter((path) => {
      const name = path.split('/').at(-1)!
      if (/\.(cc|h)$/.test(name)) return !/^[a-z0-9_]+\.(cc|h)$/.test(name)
      if (/\.(ts|mjs|cjs)$/.test(name)) return !/^[a-z0-9-]+(\.[a-z-]+)*\.(ts|mjs|cjs)$/.test(name)
      return false
    })
    expect(odd).toEqual([])
  })
})

describe('the search for machine paths', () => {
  // In pieces, or this file would be found.
  const path = (...parts: string[]) => parts.join('/')
  it.each([
    `open("${path('', 'home', 'someone', 'data')}")`,
    path('', 'root', '.cache', 'tool'),
    `https://${['registry', 'example'].join('.')}/package`,
    ['C:', 'Users', 'someone'].join('\\'),
  ])('finds %s', (line) => {
    expect(findings('file', line, machinePatterns)).toHaveLength(1)
  })

  it.each(['/usr/src/googletest', 'see https://example.org/registry', "'/rooted'"])('leaves %s', (line) => {
    expect(findings('file', line, machinePatterns)).toEqual([])
  })
})
