import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { emscriptenEnvironment, findCommand, nodeModulesAreCurrent } from '../../tools/setup.mjs'

const setupPath = join(import.meta.dirname, '../../tools/setup.mjs')
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'setup-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Runs the set-up with nothing on PATH but `commands` (name to shell script, or to the real command). */
function setUpWith(commands: Record<string, string>, role = 'build') {
  for (const [name, script] of Object.entries(commands)) {
    const real = script === 'real' ? findCommand(name) : undefined
    if (real !== undefined) symlinkSync(real, join(folder, name))
    else {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
      chmodSync(join(folder, name), 0o755)
    }
  }
  const { status, stderr } = spawnSync(process.execPath, [setupPath, role], {
    env: { PATH: folder, HOME: folder },
    encoding: 'utf8',
  })
  return { status, stderr }
}

describe('set-up', () => {
  it('says what to install by hand where there is no apt', () => {
    const { status, stderr } = setUpWith({})
    expect(status).toBe(1)
    expect(stderr).toMatch(/not a Debian-like system/)
    expect(stderr).toMatch(/cmake \(cmake\)/)
    expect(stderr).toMatch(/ninja-build \(ninja\)/)
  })

  it('asks apt for the missing packages only, renews the lists once, and says when that failed', () => {
    const { status, stderr } = setUpWith({
      cmake: 'exit 0',
      sh: 'real',
      env: 'real',
      sudo: 'while [ "$1" != env ]; do shift; done; exec "$@"',
      'apt-get': 'echo "apt-get $*" >&2; exit 100',
    })
    expect(status).toBe(1)
    const calls = stderr.split('\n').filter((line) => line.startsWith('apt-get '))
    expect(calls.map((line) => line.replace(/.* -y /, ''))).toEqual([
      'install --no-install-recommends ninja-build',
      'update',
      'install --no-install-recommends ninja-build',
    ])
    expect(stderr).toMatch(/could not install: ninja-build/)
  })

  it('refuses a role it does not know', () => {
    const { status, stderr } = setUpWith({}, 'everything')
    expect(status).toBe(1)
    expect(stderr).toMatch(/unknown role everything: expected build, test, bench/)
  })
})

describe('node_modules', () => {
  const lock = (packages: object) => JSON.stringify({ lockfileVersion: 3, packages })
  const put = (locked: object, installed?: object) => {
    writeFileSync(join(folder, 'package-lock.json'), lock({ '': {}, ...locked }))
    if (installed === undefined) return
    mkdirSync(join(folder, 'node_modules'))
    writeFileSync(join(folder, 'node_modules/.package-lock.json'), lock(installed))
  }

  it('are current when they hold what the lock names', () => {
    const packages = { 'node_modules/a': { version: '1.0.0' } }
    put({ ...packages, 'node_modules/other-os': { version: '1.0.0', optional: true } }, packages)
    expect(nodeModulesAreCurrent(folder)).toBe(true)
  })

  it.each([
    ['absent', undefined],
    ['of another version', { 'node_modules/a': { version: '1.0.1' } }],
    ['incomplete', {}],
    ['more', { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0' } }],
  ])('are not when they are %s', (_, installed) => {
    put({ 'node_modules/a': { version: '1.0.0' } }, installed)
    expect(nodeModulesAreCurrent(folder)).toBe(false)
  })
})

describe('the Emscripten environment', () => {
  it('runs an emcc that is new enough', () => {
    const version = execFileSync('emcc', ['--version'], { env: emscriptenEnvironment(), encoding: 'utf8' })
    const [major, minor, patch] = /(\d+)\.(\d+)\.(\d+)/.exec(version)!.slice(1).map(Number)
    expect(major! * 1e6 + minor! * 1e3 + patch!).toBeGreaterThanOrEqual(3_001_069)
  })
})
