import { describe, expect, it } from 'vitest'
import { countFuzzTargets, countGoogleTests, countPlanted, countVitest } from '../../tools/runner-counts.mjs'

const lines = (...each: string[]) => each.join('\n')

describe('counting GoogleTests', () => {
  it('adds up executables', () => {
    const log = lines(
      '1: [==========] 12 tests from 3 test suites ran. (4 ms total)',
      '1: [  PASSED  ] 12 tests.',
      '2: [  PASSED  ] 1 test.',
      '100% tests passed, 0 tests failed out of 2',
    )
    expect(countGoogleTests(log)).toEqual({ passed: 13, failed: 0 })
  })

  it('counts failures once, although ctest repeats what failed', () => {
    const log = lines(
      '1: [  FAILED  ] Crc32c.MatchesTheStandard (3 ms)',
      '1: [  FAILED  ] Codes/Flat.FindsAll/Sq8, where GetParam() = 1-byte object <01> (0 ms)',
      '1: [  PASSED  ] 10 tests.',
      '1/2 Test #1: core/base ...***Failed',
      '[  FAILED  ] Crc32c.MatchesTheStandard (3 ms)',
      '[  PASSED  ] 10 tests.',
      '50% tests passed, 1 tests failed out of 2',
    )
    expect(countGoogleTests(log)).toEqual({ passed: 10, failed: 2 })
  })

  it('counts an executable that died without a total', () => {
    const log = lines('1: ==1==ERROR: AddressSanitizer', '0% tests passed, 1 tests failed out of 1')
    expect(countGoogleTests(log)).toEqual({ passed: 0, failed: 1 })
  })
})

describe('counting vitest', () => {
  it('reads its summary', () => {
    const log = lines(
      ' Test Files  2 failed | 3 passed (5)',
      '      Tests  1 failed | 34 passed | 2 skipped (37)',
    )
    expect(countVitest(log)).toEqual({ passed: 34, failed: 2 })
  })

  it('tells of files that could not be loaded', () => {
    expect(countVitest(lines(' Test Files  1 failed (1)', '      Tests  no tests'))).toEqual({
      passed: 0,
      failed: 1,
    })
  })

  it('is zero when nothing ran', () => {
    expect(countVitest('No test files found, exiting with code 1')).toEqual({ passed: 0, failed: 0 })
  })
})

describe('counting fuzz targets', () => {
  it('adds up those that found nothing and those that did', () => {
    const log = lines(
      'fuzz: frame ok',
      'SUMMARY: AddressSanitizer: heap-buffer-overflow',
      'fuzz: manifest FAILED',
      'fuzz: segment ok',
    )
    expect(countFuzzTargets(log)).toEqual({ passed: 2, failed: 1 })
  })
})

describe('counting planted bugs', () => {
  it('takes those that were not noticed for failures', () => {
    const log = lines(
      ' 1  a write is lost: noticed (3 s)',
      ' 2  a row is lost: MISSED (4 s)',
      '1 of 2 noticed',
    )
    expect(countPlanted(log)).toEqual({ passed: 1, failed: 1 })
  })

  it('is zero when it did not come to an end', () => {
    expect(countPlanted(' 1  a write is lost: noticed (3 s)')).toEqual({ passed: 0, failed: 0 })
  })
})
