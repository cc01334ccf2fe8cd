import { describe, expect, it } from 'vitest'
import { readProjectFile } from './project-files.js'

interface Package {
  scripts: Record<string, string>
  dependencies?: Record<string, string>
  devDependencies: Record<string, string>
}

const { scripts, dependencies = {}, devDependencies } = JSON.parse(readProjectFile('package.json')) as Package

describe('dependencies', () => {
  it('are pinned to one version each', () => {
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
    )
    expect(loose).toEqual([])
  })

  it('are each explained in docs/dependencies.md, and nothing else is', () => {
    const explained = [...readProjectFile('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| \S/gm)]
    expect(explained.map(([, name]) => name).sort()).toEqual(
      Object.keys({ ...dependencies, ...devDependencies }).sort(),
    )
  })

  it('are none at run time: what the package needs is bundled', () => {
    expect(dependencies).toEqual({})
  })
})

describe('package-lock.json', () => {
  type Locked = Record<string, { version?: string; optionalDependencies?: Record<string, string> }>
  const { packages } = JSON.parse(readProjectFile('package-lock.json')) as { packages: Locked }
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')))

  it('names the packages of every platform, or `npm ci` refuses it', () => {
    const missing = Object.values(packages)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => !names.has(name))
    expect(missing).toEqual([])
  })

  it('pins what package.json asks for', () => {
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
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
