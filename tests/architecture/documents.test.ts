import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectFiles, projectRoot, readProjectFile } from './project-files.js'

const documents = projectFiles().filter((path) => path.endsWith('.md'))

describe('documents', () => {
  it.each(documents)('%s has links that lead somewhere', (path) => {
    const targets = [...readProjectFile(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(
      ([, target]) => target!,
    )
    expect(targets.filter((target) => !existsSync(join(projectRoot, dirname(path), target)))).toEqual([])
  })

  it('name files of the project that exist', () => {
    const pattern = /`((?:core|wasm|js|storage|tests|tools|docs|examples)\/[\w./-]*[\w/])`/g
    const missing = documents
      .flatMap((path) =>
        [...readProjectFile(path).matchAll(pattern)].map(([, named]) => ({ path, named: named! })),
      )
      .filter(({ named }) => !existsSync(join(projectRoot, named)))
    expect(missing).toEqual([])
  })
})
