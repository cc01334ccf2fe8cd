import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'omendb-quickstart-'))

const runQuickstart = () =>
  execFileSync(process.execPath, ['examples/node-quickstart/quickstart.mjs', folder], {
    cwd: root,
    encoding: 'utf8',
  })

describe('examples/node-quickstart', () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  // Twice into one folder: the second time its rows replace those of the first.
  it.each(['in an empty folder', 'where it has run before'])('prints the nearest colours %s', () => {
    const lines = runQuickstart().trim().split('\n')
    expect(lines).toEqual([
      'coral    0.0020  #ff7f50',
      'tomato   0.0030  #ff6347',
      'olive    0.1148  #808000',
      `stored in ${folder}`,
    ])
  })
})
