import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { codeFromNumber, OmenError } from '../../../js/errors/omen-error.js'
import { CoreEngine } from '../../../js/wasm/core-engine.js'
import { loadCoreModule } from '../../../js/wasm/core-module.js'
import { encodeIdList } from '../../../js/wasm/row-batch.js'
import { codeOf, messageOf } from './error-of.js'
import { loadCore, newEngine, wasmPath } from './open-core.js'

const wasm = readFileSync(wasmPath)

async function codeOfPromise(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => {
      if (error instanceof OmenError) return error.code
      throw error
    },
  )
}

describe('a trap', () => {
  it('makes the engine refuse every later call, and only this engine', async () => {
    const module = await loadCore()
    const engine = CoreEngine.create(module)
    engine.openNew()
    expect(engine.sequence()).toBe(0n)

    // Pointers into nowhere, as a stray write would leave them: the next call that follows one traps.
    const healthy = module.instance.HEAPU8.slice()
    module.instance.HEAPU8.fill(0xff)
    expect(codeOf(() => engine.encodeHead())).toBe('ENGINE_FAILED')
    expect(engine.failed).toBe(true)

    // Even where memory would be whole again: nobody can know that.
    module.instance.HEAPU8.set(healthy)
    expect(codeOf(() => engine.sequence())).toBe('ENGINE_FAILED')
    expect(codeOf(() => engine.openHead(new Uint8Array(1)))).toBe('ENGINE_FAILED')
    expect(codeOf(() => engine.get(1, encodeIdList([1]), 0))).toBe('ENGINE_FAILED')
    expect(messageOf(() => engine.sequence())).toMatch(/open the database again/)
    engine.dispose()

    const other = CoreEngine.create(await loadCore())
    other.openNew()
    expect(other.sequence()).toBe(0n)
  })
})

describe('memory that is refused', () => {
  it('is an error, and the engine goes on', async () => {
    const module = await loadCore()
    const engine = CoreEngine.create(module)
    engine.openNew()
    engine.takeOver()
    const binding = module.instance.EngineBinding.create()!
    // More than wasm32 can have beside what is there already.
    expect(binding.reserveScratch(0xffff_ff00)).toBe(0)
    binding.openNew()
    expect(binding.takeOver()).toBe(0)
    expect(binding.beginFrame(0n)).toBe(0)
    expect(['OUT_OF_MEMORY', 'LIMIT_EXCEEDED']).toContain(codeFromNumber(binding.framePayload(0xffff_ff00)))
    binding.delete()
    engine.beginFrame()
    engine.frameCreate('a', {
      dimensions: 3,
      metric: 'l2',
      quantization: 'sq8',
      degree: 16,
      efConstruction: 200,
    })
    engine.sealFrame()
    engine.applyFrame()
    expect(engine.collectionCount()).toBe(1)
  })

  it('takes what a huge argument needs from memory above 2 GiB, where addresses are negative as i32', async () => {
    const module = await loadCore()
    const binding = module.instance.EngineBinding.create()!
    const other = module.instance.EngineBinding.create()!
    expect(binding.reserveScratch(2 ** 31 + 2 ** 20)).toBeGreaterThan(0)
    const high = other.reserveScratch(16 << 20)
    expect(high).toBeGreaterThan(2 ** 31)
    module.instance.HEAPU8.set(new Uint8Array(100).fill(7), high)
    expect(codeFromNumber(other.openHead(100))).toBe('CORRUPTION')
    other.openNew()
    expect(other.takeOver()).toBe(0)
    other.delete()
    binding.delete()
  })
})

describe('100,000 failing calls', () => {
  it('leave memory as it was', async () => {
    const engine = await newEngine()
    const garbage = new Uint8Array(100).fill(7)
    const codes = (): string[] => [
      codeOf(() => engine.count(7)),
      codeOf(() => engine.checkRowBatch(7, garbage)),
      codeOf(() => engine.offerWalName('nonsense')),
      codeOf(() => engine.get(7, garbage, 0)),
    ]
    const expected = ['NOT_FOUND', 'NOT_FOUND', 'INVALID_ARGUMENT', 'NOT_FOUND']
    expect(codes()).toEqual(expected)
    const [held, total] = [engine.memoryBytes(), engine.wasmMemoryBytes()]
    // Stacks are what costs here, and nobody looks at them.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    let others = 0
    for (let i = 0; i < 25_000; i += 1) if (codes().join() !== expected.join()) others += 1
    Error.stackTraceLimit = stackTraceLimit
    expect(others).toBe(0)
    expect(engine.memoryBytes()).toBe(held)
    expect(engine.wasmMemoryBytes()).toBe(total)
    // A stack that leaked would have run into the heap by now.
    engine.beginFrame()
    engine.frameCreate('a', {
      dimensions: 3,
      metric: 'l2',
      quantization: 'sq8',
      degree: 16,
      efConstruction: 200,
    })
    engine.sealFrame()
    engine.applyFrame()
    expect(engine.collectionCount()).toBe(1)
  })
})

describe('wasm that is not the engine', () => {
  it('is refused when it does not compile', async () => {
    expect(await codeOfPromise(loadCoreModule(wasm.subarray(0, 1000)))).toBe('INVALID_ARGUMENT')
    expect(await codeOfPromise(loadCoreModule(new Uint8Array()))).toBe('INVALID_ARGUMENT')
  })

  it('is refused when it is another module', async () => {
    const empty = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])
    expect(await codeOfPromise(loadCoreModule(empty))).toBe('INVALID_ARGUMENT')
    expect(await codeOfPromise(loadCoreModule(new WebAssembly.Module(empty)))).toBe('INVALID_ARGUMENT')
  })

  it('is refused when it cannot be read, and may be tried again', async () => {
    const url = new URL('https://wasm.invalid/core.wasm')
    let answer: Promise<Uint8Array<ArrayBuffer>> = Promise.reject(new Error('no network'))
    const readUrl = (): Promise<Uint8Array<ArrayBuffer>> => answer
    expect(await codeOfPromise(loadCoreModule(url, { readUrl }))).toBe('STORAGE_FAILED')
    answer = Promise.resolve(wasm)
    expect(await codeOfPromise(loadCoreModule(url, { readUrl }))).toBe('no error')
  })
})

describe('the module', () => {
  it('is the build that was asked for', async () => {
    expect((await loadCoreModule({ simd: wasm })).simd).toBe('simd128')
    expect((await loadCoreModule(wasm)).simd).toBe('simd128')
  })

  it('exports what js/wasm/core-instance.ts says, and nothing else', async () => {
    const source = readFileSync(new URL('../../../js/wasm/core-instance.ts', import.meta.url), 'utf8')
    const [methods, statics] = source.split('export interface CoreInstance')
    const named = (text: string): string[] =>
      [...text.matchAll(/^ +(\w+)\(/gm)].map((match) => match[1]!).sort()
    const { EngineBinding } = (await loadCore()).instance
    const binding = EngineBinding.create()!
    const inherited = ['constructor', 'isAliasOf', 'clone', 'isDeleted', 'deleteLater']
    const exported = new Set<string>()
    for (
      let each: object = Object.getPrototypeOf(binding) as object;
      each !== Object.prototype;
      each = Object.getPrototypeOf(each) as object
    ) {
      for (const name of Object.getOwnPropertyNames(each)) if (!inherited.includes(name)) exported.add(name)
    }
    expect([...exported].sort()).toEqual(named(methods!))
    const own = Object.keys(EngineBinding).filter((name) => name !== 'argCount')
    expect(own.sort()).toEqual(named(statics!))
    binding.delete()
  })
})
