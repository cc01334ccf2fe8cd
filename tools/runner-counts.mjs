// Reads how many tests passed and failed from what the runners print.

const sumOf = (log, pattern) => [...log.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0)

/**
 * From `ctest --verbose`: GoogleTest's own totals, and executables that died without one. Only lines that begin with an
 * executable's number count: ctest prints what failed a second time without it.
 */
export function countGoogleTests(log) {
  const passed = sumOf(log, /^\d+: \[ {2}PASSED {2}\] (\d+) tests?\./gm)
  const failed = [...log.matchAll(/^\d+: \[ {2}FAILED {2}\] .*\(\d+ ms\)$/gm)].length
  const executables = sumOf(log, /(\d+) tests? failed out of \d+/g)
  return { passed, failed: Math.max(failed, executables) }
}

/** From vitest's default reporter: its "Tests" line, and files that failed before their tests were known. */
export function countVitest(log) {
  const line = (name) => new RegExp(`^\\s*${name}\\s+(.*)$`, 'm').exec(log)?.[1] ?? ''
  const number = (text, word) => Number(new RegExp(`(\\d+) ${word}`).exec(text)?.[1] ?? 0)
  const tests = line('Tests')
  return {
    passed: number(tests, 'passed'),
    failed: Math.max(number(tests, 'failed'), number(line('Test Files'), 'failed')),
  }
}

/** From tools/fuzz.mjs: a line for each target. */
export function countFuzzTargets(log) {
  const lines = (word) => [...log.matchAll(new RegExp(`^fuzz: \\w+ ${word}$`, 'gm'))].length
  return { passed: lines('ok'), failed: lines('FAILED') }
}

/** From tools/planted.mjs: bugs noticed, and those that were not. */
export function countPlanted(log) {
  const [, noticed = 0, all = 0] = /^(\d+) of (\d+) noticed$/m.exec(log) ?? []
  return { passed: Number(noticed), failed: all - noticed }
}
