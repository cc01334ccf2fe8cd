import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transform } from 'esbuild'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```ts runnable\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)

/** What a block says it prints: its lines `// prints: ...`. */
const promised = (code: string) => [...code.matchAll(/^\/\/ prints: (.*)$/gm)].map(([, line]) => line!)

describe('README.md', () => {
  it('has code to run', () => {
    expect(blocks.length).toBeGreaterThan(0)
  })

  it.each(blocks.map((code) => ({ code, title: code.split('\n')[2] })))(
    'tells the truth: $title',
    async ({ code }) => {
      // Below the project's root, so that Node finds `omendb` by its own name, as one that is installed.
      mkdirSync(join(root, 'build'), { recursive: true })
      const folder = mkdtempSync(join(root, 'build/readme-'))
      try {
        // Node 20 has no `await using` of its own.
        const { code: module } = await transform(code, { loader: 'ts', target: 'node20', format: 'esm' })
        writeFileSync(join(folder, 'block.mjs'), module)
        const printed = execFileSync(process.execPath, ['block.mjs'], { cwd: folder, encoding: 'utf8' })
        const lines = printed.trim().split('\n')
        expect(promised(code)).not.toEqual([])
        expect(lines.slice(-promised(code).length)).toEqual(promised(code))
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  )
})
