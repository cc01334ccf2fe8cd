import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const startPath = join(import.meta.dirname, '../../tools/start.mjs')

function start(args: string[], env: Record<string, string> = {}) {
  const { status, stderr } = spawnSync(process.execPath, [startPath, ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  return { status, stderr }
}

describe('npm start', () => {
  it('refuses an argument it does not know, before doing anything', () => {
    expect(start(['--twice'])).toEqual({
      status: 1,
      stderr: 'start: unknown argument --twice: expected --once or nothing\n',
    })
  })

  it.each(['eighty', '70000', '-1', '1.5'])('refuses PORT=%s, before doing anything', (port) => {
    const { status, stderr } = start([], { PORT: port })
    expect(status).toBe(1)
    expect(stderr).toBe(`start: PORT is "${port}", expected a whole number from 0 to 65535\n`)
  })
})
