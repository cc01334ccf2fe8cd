/** A child process that answers each line written to it with one line of JSON: `{"error": ...}` or a value. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface LineChild {
  readonly processId: number
  ask<Answer>(line: string): Promise<Answer>
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

export function lineChild(command: string, args: readonly string[]): LineChild {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting: Waiting[] = []
  let ended: Error | null = null
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Packages print what they like; answers are JSON objects or arrays.
    if (!/^[[{]/.test(line)) return
    const answer = JSON.parse(line) as { error?: string }
    const next = waiting.shift()
    if (answer.error === undefined) next?.resolve(answer)
    else next?.reject(new Error(answer.error))
  })
  const end = (error: Error) => {
    ended ??= error
    for (const { reject } of waiting.splice(0)) reject(ended)
  }
  child.on('error', end)
  child.on('exit', (code, signal) => end(new Error(`the process ended with ${signal ?? code}`)))
  return {
    processId: child.pid ?? 0,
    ask<Answer>(line: string) {
      if (ended !== null) return Promise.reject(ended)
      return new Promise<Answer>((resolve, reject) => {
        waiting.push({ resolve: resolve as (answer: unknown) => void, reject })
        child.stdin.write(`${line}\n`)
      })
    },
    async close() {
      if (ended !== null) return
      const exit = new Promise((resolve) => child.once('exit', resolve))
      child.stdin.end()
      // An engine may keep its process alive with timers of its own.
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await exit
      clearTimeout(timer)
    },
  }
}
