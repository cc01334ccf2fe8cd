import { afterEach, expect, test, vi } from 'vitest'
import { persist, persisted } from '../../storage/persistence.js'

afterEach(() => vi.unstubAllGlobals())

test('persistence is what the browser answers', async () => {
  for (const answer of [true, false]) {
    vi.stubGlobal('navigator', { storage: { persist: async () => answer, persisted: async () => !answer } })
    expect(await persist()).toBe(answer)
    expect(await persisted()).toBe(!answer)
  }
})

test('where nobody can be asked, or asking fails, there is none', async () => {
  const refuse = async (): Promise<never> => {
    throw new DOMException('an opaque origin', 'SecurityError')
  }
  for (const navigator of [
    undefined,
    {},
    { storage: {} },
    { storage: { persist: refuse, persisted: refuse } },
  ]) {
    vi.stubGlobal('navigator', navigator)
    expect(await persist()).toBe(false)
    expect(await persisted()).toBe(false)
  }
})
