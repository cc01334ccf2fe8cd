import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runProgram, totalCounts } from '../../tools/stages.mjs'

let folder: string
let logPath: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stages-'))
  logPath = join(folder, 'log')
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('a stage', () => {
  it('passes on the exit code and keeps both outputs', async () => {
    expect(await runProgram(['sh', '-c', 'echo out; echo err >&2; exit 3'], { logPath })).toBe(3)
    expect(readFileSync(logPath, 'utf8')).toBe('out\nerr\n')
  })

  it('fails when its program is not there', async () => {
    expect(await runProgram(['no-such-program'], { logPath })).toBe(127)
    expect(readFileSync(logPath, 'utf8')).toContain('no-such-program')
  })

  it('fails when it is killed', async () => {
    expect(await runProgram(['sh', '-c', 'kill -9 $$'], { logPath })).toBe(128)
  })

  it('is killed with its children when it takes too long, and says so', async () => {
    const script = 'sleep 600 & wait'
    expect(await runProgram(['sh', '-c', script], { logPath, timeoutMinutes: 0.2 / 60 })).toBe(128)
    expect(readFileSync(logPath, 'utf8')).toContain('killed: it ran for more than')
  })

  it('has no colours in its log', async () => {
    await runProgram(['node', '-p', 'process.env.NO_COLOR'], { logPath })
    expect(readFileSync(logPath, 'utf8')).toBe('1\n')
  })
})

describe('totals', () => {
  it('add up', () => {
    const results = [{ counts: { passed: 2, failed: 1 } }, { counts: { passed: 3, failed: 0 } }]
    expect(totalCounts(results)).toEqual({ passed: 5, failed: 1 })
  })
})
