import { cruise, type IConfiguration } from 'dependency-cruiser'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { projectRoot } from './project-files.js'

const configuration = createRequire(import.meta.url)(
  join(projectRoot, '.dependency-cruiser.cjs'),
) as IConfiguration

let folder: string | undefined

afterEach(() => {
  if (folder) rmSync(folder, { recursive: true, force: true })
  folder = undefined
})

/** The names of the rules that a tree of `files` breaks. */
async function brokenRules(files: Record<string, string>): Promise<string[]> {
  folder = mkdtempSync(join(tmpdir(), 'layers-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const { tsConfig: _, ...options } = configuration.options ?? {}
  const { output } = await cruise(['js', 'storage'], {
    ...options,
    ruleSet: configuration,
    validate: true,
    baseDir: folder,
  })
  if (typeof output === 'string') throw new Error('expected a result object')
  return [...new Set(output.summary.violations.map(({ rule }) => rule.name))].sort()
}

const leaf = 'export const value = 1\n'
const importOf = (path: string) => `import { value } from '${path}'\nexport const other = value\n`

describe('TypeScript layers', () => {
  it('refuse the engine in the API', async () => {
    const files = {
      'js/engine/engine-host.ts': leaf,
      'js/api/database.ts': importOf('../engine/engine-host.js'),
    }
    expect(await brokenRules({ ...files, 'storage/contract.ts': leaf })).toEqual(['api-knows-types-only'])
  })

  it('refuse js/ in storage/, apart from errors', async () => {
    const files = { 'js/engine/engine-host.ts': leaf, 'js/errors/codes.ts': leaf }
    const storage =
      importOf('../js/engine/engine-host.js') + importOf('../js/errors/codes.js').replace(/other/, 'third')
    expect(await brokenRules({ ...files, 'storage/memory.ts': storage })).toEqual(['layer-storage'])
  })

  it('refuse Node in what a browser loads', async () => {
    const files = {
      'storage/memory.ts': "import { readFileSync } from 'node:fs'\nexport const read = readFileSync\n",
    }
    expect(await brokenRules({ ...files, 'js/errors/codes.ts': leaf })).toEqual(['node-in-its-own-modules'])
  })

  it('refuse cycles', async () => {
    const files = { 'js/wasm/a.ts': importOf('./b.js'), 'js/wasm/b.ts': importOf('./a.js') }
    expect(await brokenRules({ ...files, 'storage/contract.ts': leaf })).toEqual(['no-cycles'])
  })

  it('allow what points to the left', async () => {
    const files = {
      'js/errors/codes.ts': leaf,
      'storage/memory.ts': importOf('../js/errors/codes.js'),
      'js/wasm/engine.ts': importOf('../errors/codes.js'),
      'js/engine/engine-host.ts': importOf('../wasm/engine.js'),
      'js/worker/worker.ts': importOf('../engine/engine-host.js'),
      'js/platform/browser.ts': importOf('../worker/worker.js'),
    }
    expect(await brokenRules(files)).toEqual([])
  })
})
