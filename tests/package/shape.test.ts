import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installPackage, type InstalledPackage } from './packed-package.js'

const run = promisify(execFile)
const binFolder = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url))
let app: InstalledPackage

beforeAll(async () => {
  app = await installPackage()
})
afterAll(() => app?.remove())

describe('the tarball', () => {
  it('holds the build and nothing else', () => {
    const unexpected = app.files.filter(
      (path) =>
        !/^(package\.json|README\.md|LICENSE|NOTICE|CHANGELOG\.md)$/.test(path) &&
        !/^dist\/([a-z-]+\/)*([a-z-]+\.(js|wasm)|THIRD_PARTY_LICENSES\.txt)$/.test(path) &&
        !/^dist\/types\/([a-z-]+\/)*[a-z0-9-]+\.d\.ts$/.test(path),
    )
    expect(unexpected).toEqual([])
    expect(app.files).toContain('dist/THIRD_PARTY_LICENSES.txt')
  })

  it('has no dependencies and runs nothing when it is installed', async () => {
    const text = await readFile(join(app.folder, 'node_modules/omendb/package.json'), 'utf8')
    const { dependencies, scripts } = JSON.parse(text) as {
      dependencies?: object
      scripts?: Record<string, string>
    }
    expect(dependencies).toBeUndefined()
    expect(Object.keys(scripts ?? {}).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual(
      [],
    )
  })

  it('names no path of the machine that built it', async () => {
    for (const path of app.files.filter((each) => /\.(js|ts|wasm)$/.test(each))) {
      const text = await readFile(join(app.folder, 'node_modules/omendb', path), 'latin1')
      expect({ path, found: text.includes(fileURLToPath(new URL('../..', import.meta.url))) }).toEqual({
        path,
        found: false,
      })
    }
  })

  it('uses no eval and makes no function out of text', async () => {
    for (const path of app.files.filter((each) => each.endsWith('.js'))) {
      const text = await readFile(join(app.folder, 'node_modules/omendb', path), 'utf8')
      expect({ path, found: /\beval\(|new Function\b/.exec(text)?.[0] }).toEqual({ path, found: undefined })
    }
  })

  it('is what publint expects', async () => {
    const { stdout } = await run(join(binFolder, 'publint'), [app.tarball, '--strict', '--level', 'warning'])
    expect(stdout).toContain('All good!')
  })

  it('has types that resolve for every entry', async () => {
    const { stdout } = await run(join(binFolder, 'attw'), [
      app.tarball,
      '--profile',
      'esm-only',
      '--format',
      'ascii',
    ])
    // It ends with an error when a problem is found; this is that it looked.
    expect(stdout).toContain('"omendb/storage/kv"')
  })
})
