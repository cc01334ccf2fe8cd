import { afterEach, expect, test, vi } from 'vitest'
import { askForPersistence } from '../../../js/api/persistence.js'

afterEach(() => vi.unstubAllGlobals())

test('persistence is what the browser answers', async () => {
  for (const answer of [true, false]) {
    vi.stubGlobal('navigator', { storage: { persist: async () => answer } })
    expect(await askForPersistence()).toBe(answer)
  }
})

test('where nobody can be asked, or asking fails, there is none', async () => {
  const refuse = async (): Promise<never> => {
    throw new DOMException('an opaque origin', 'SecurityError')
  }
  for (const navigator of [undefined, {}, { storage: {} }, { storage: { persist: refuse } }]) {
    vi.stubGlobal('navigator', navigator)
    expect(await askForPersistence()).toBe(false)
  }
})
