import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PLANTED_BUGS } from '../../tools/planted-bugs.mjs'

const textOf = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const documented = textOf('docs/testing.md')

describe.each(PLANTED_BUGS.map((bug, i) => ({ ...bug, number: i + 1 })))(
  'planted bug $number: $what',
  (bug) => {
    it('fits the source as it is', () => {
      expect(textOf(bug.file).split(bug.find)).toHaveLength(2)
      expect(bug.replace).not.toBe(bug.find)
    })

    it('names a test that is there, and stands in docs/testing.md', () => {
      const isCore = !bug.file.endsWith('.ts')
      if (isCore) expect(bug.test).toMatch(/^\w+:\S+$/)
      else expect(existsSync(new URL(`../../${bug.test}`, import.meta.url))).toBe(true)
      expect(documented).toContain(`${bug.number}. ${bug.what} (\`${bug.file}\`)`)
    })
  },
)
