/**
 * The rules of C++ includes, as a function from a file's path and text to what it breaks.
 *
 * Not a C++ parser: it reads the `#include` lines and a few words that have no place in the core.
 */

/** Lowest first: a layer may include itself and what stands before it. */
export const coreLayers = [
  'include/omendb',
  'base',
  'distance',
  'quantize',
  'index',
  'format',
  'engine',
] as const

/** Standard headers that bring what the core does without: exceptions, RTTI, streams, clocks, threads, files. */
const forbiddenHeaders = new Set([
  ...['exception', 'stdexcept', 'system_error', 'typeinfo', 'typeindex', 'any'],
  ...['iostream', 'istream', 'ostream', 'sstream', 'fstream', 'iomanip', 'ios', 'cstdio', 'stdio.h', 'print'],
  ...['filesystem', 'chrono', 'ctime', 'time.h', 'random', 'locale', 'regex'],
  ...['thread', 'mutex', 'shared_mutex', 'condition_variable', 'future'],
  // Containers that throw when memory runs out; base/array.h answers with a Status.
  ...['vector', 'string', 'map', 'unordered_map', 'set', 'unordered_set', 'deque', 'list', 'functional'],
])
/** `new (std::nothrow)` aborts under Emscripten without exceptions, so memory comes from base/allocation.h only. */
const forbiddenCode: [RegExp, string][] = [
  [/\b(throw|try|catch)\b(?=\s*[({;]|\s+\w)/, 'exceptions are off'],
  [/\b(dynamic_cast|typeid)\b/, 'RTTI is off'],
  [/\b(__EMSCRIPTEN__|EMSCRIPTEN|EM_ASM|EM_JS)\b/, 'the core knows no Emscripten'],
  [/(^|[^\w:])new\s+(\(std::nothrow\)|[A-Za-z_])/, 'memory comes from base/allocation.h'],
  [/\bstd::(cout|cerr|printf|fprintf|abort|exit)\b/, 'the core neither prints nor ends the process'],
]

export interface Include {
  line: number
  header: string
  quoted: boolean
}

export function includesOf(text: string): Include[] {
  const includes: Include[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const match = /^\s*#\s*include\s*(["<])([^">]+)[">]/.exec(line)
    if (match) includes.push({ line: index + 1, header: match[2]!, quoted: match[1] === '"' })
  }
  return includes
}

/** The text with comments and string literals blanked, lines kept. */
export function codeOf(text: string): string {
  return text.replaceAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"/g, (match) =>
    match.replaceAll(/[^\n]/g, ' '),
  )
}

/** 0 for include/omendb, 1 for base, ...; -1 for a path outside core's layers. */
function layerOfFile(path: string): number {
  return coreLayers.findIndex((layer) => path.startsWith(`core/${layer}/`))
}
function layerOfHeader(header: string): number {
  if (header.startsWith('omendb/')) return 0
  return coreLayers.findIndex((layer) => header.startsWith(`${layer}/`))
}

/** Folders of tests/core/ that are named otherwise than their layer. */
const layersBeside: Readonly<Record<string, string>> = { fuzz: 'format', golden: 'engine' }

/**
 * The highest layer a file may include, `undefined` when the rules say nothing of it.
 * tests/core/<layer>/ may include that layer's internals and those below; fuzzing is of the format, and stored
 * databases are of the engine.
 */
function highestAllowed(path: string): number | undefined {
  if (path.startsWith('core/')) return layerOfFile(path)
  if (path.startsWith('wasm/')) return 0
  const test = /^tests\/core\/(\w+)\//.exec(path)
  if (test) return coreLayers.findIndex((layer) => layer === (layersBeside[test[1]!] ?? test[1]))
  return undefined
}

/** What `path` with content `text` breaks, as `path:line: reason`. */
export function violationsOf(path: string, text: string): string[] {
  const highest = highestAllowed(path)
  if (highest === undefined) return []
  if (highest === -1) return [`${path}:1: is in none of the layers ${coreLayers.join(', ')}`]
  const inCore = path.startsWith('core/')
  const violations: string[] = []
  for (const { line, header, quoted } of includesOf(text)) {
    const say = (reason: string) => violations.push(`${path}:${line}: ${reason}`)
    if (!path.startsWith('tests/') && header.includes('..')) say(`${header}: includes are relative to core/`)
    const layer = layerOfHeader(header)
    if (layer > highest) say(`${header}: ${coreLayers[layer]!} stands above ${coreLayers[highest]!}`)
    if (inCore && quoted && layer === -1) say(`${header}: is in no layer; includes are relative to core/`)
    if (inCore && !quoted && forbiddenHeaders.has(header)) say(`<${header}>: not in the core`)
    if (inCore && header.startsWith('emscripten')) say(`${header}: the core knows no Emscripten`)
  }
  if (inCore) {
    for (const [index, line] of codeOf(text).split('\n').entries()) {
      for (const [pattern, reason] of forbiddenCode) {
        if (pattern.test(line)) violations.push(`${path}:${index + 1}: ${reason}: ${line.trim()}`)
      }
    }
  }
  return violations
}
