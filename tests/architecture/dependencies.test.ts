import { describe, expect, it } from 'vitest'
import { readProjectFile } from './project-files.js'

interface Package {
  scripts: Record<string, string>
  dependencies?: Record<string, string>
  devDependencies: Record<string, string>
}

const { scripts, dependencies = {}, devDependencies } = JSON.parse(readProjectFile('package.json')) as Package

/** What the benchmark compares with: installed for it alone. */
const { dependencies: peers = {} } = JSON.parse(
  readProjectFile('tests/bench/peers/package.json'),
) as Partial<Package>

describe('dependencies', () => {
  it('are pinned to one version each', () => {
    const loose = Object.entries({ ...dependencies, ...devDependencies, ...peers }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-alpha\.\d+)?$/.test(version),
    )
    expect(loose).toEqual([])
  })

  it('are each explained in docs/dependencies.md, and nothing else is', () => {
    const explained = [...readProjectFile('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| \S/gm)]
    expect(explained.map(([, name]) => name).sort()).toEqual(
      Object.keys({ ...dependencies, ...devDependencies, ...peers }).sort(),
    )
  })

  it('are none at run time: what the package needs is bundled', () => {
    expect(dependencies).toEqual({})
  })
})

describe.each([
  ['package-lock.json', { ...dependencies, ...devDependencies }],
  ['tests/bench/peers/package-lock.json', peers],
])('%s', (path, wanted) => {
  type Locked = Record<string, { version?: string; optionalDependencies?: Record<string, string> }>
  const { packages } = JSON.parse(readProjectFile(path)) as { packages: Locked }
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')))

  it('names the packages of every platform, or `npm ci` refuses it', () => {
    const missing = Object.values(packages)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => !names.has(name))
    expect(missing).toEqual([])
  })

  it('pins what package.json asks for', () => {
    for (const [name, version] of Object.entries(wanted)) {
      expect(packages[`node_modules/${name}`]?.version, name).toBe(version)
    }
  })
})

describe('documented commands', () => {
  it.each(['README.md', 'CONTRIBUTING.md', 'docs/testing.md', 'docs/dependencies.md'])(
    'of %s exist in package.json',
    (path) => {
      const named = [...readProjectFile(path).matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!)
      expect(named.filter((name) => !(name in scripts))).toEqual([])
    },
  )
})
