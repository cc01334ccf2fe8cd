/** Starts the engine's worker thread in Node, Deno and Bun. */
import { Worker } from 'node:worker_threads'
import type { FromWorker } from '../worker/messages.js'
import type { WorkerHandle } from '../worker/worker-client.js'

export function startWorker(): WorkerHandle {
  const script = new URL('./node-worker.js', import.meta.url)
  // The options of this process (a loader, --inspect) are not meant for the engine.
  const thread = new Worker(script, { name: 'omendb', execArgv: [] })
  // Process-wide listeners must not be held up by it: a process that has nothing else to do may end.
  thread.unref()
  let ended = false
  return {
    post: (message, transfer) => thread.postMessage(message, transfer),
    listen(onMessage, onFailure) {
      thread.on('message', (message: FromWorker) => onMessage(message))
      thread.on('messageerror', (error) => onFailure(error.message))
      thread.on('error', (error) => onFailure(error instanceof Error ? error.message : String(error)))
      thread.on('exit', (code) => {
        ended = true
        onFailure(`it ended with exit code ${code}`)
      })
    },
    keepAlive(needed) {
      if (ended) return
      if (needed) thread.ref()
      else thread.unref()
    },
    async terminate() {
      await thread.terminate()
    },
  }
}
