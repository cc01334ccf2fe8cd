/** Starts the engine's worker thread in Node, Deno and Bun. */
import { Worker } from 'node:worker_threads'
import { noteEndedThread } from '../../storage/node-process-identity.js'
import type { FromWorker } from '../worker/messages.js'
import type { WorkerHandle } from '../worker/worker-client.js'

export function startWorker(): WorkerHandle {
  const script = new URL('./node-worker.js', import.meta.url)
  // The options of this process (a loader, --inspect) are not meant for the engine.
  const thread = new Worker(script, { name: 'omendb', execArgv: [] })
  // Process-wide listeners must not be held up by it: a process that has nothing else to do may end.
  thread.unref()
  const { threadId } = thread
  let ended = false
  // Once its host is closed; what ends before may hold the writer lock.
  let isAskedToEnd = false
  let hasFailed = false
  thread.on('exit', () => {
    ended = true
    if (!isAskedToEnd) noteEndedThread(threadId)
  })
  return {
    post: (message, transfer) => thread.postMessage(message, transfer),
    listen(onMessage, onFailure) {
      const fail = (reason: string): void => {
        hasFailed = true
        onFailure(reason)
      }
      thread.on('message', (message: FromWorker) => onMessage(message))
      thread.on('messageerror', (error) => fail(error.message))
      thread.on('error', (error) => fail(error instanceof Error ? error.message : String(error)))
      thread.on('exit', (code) => fail(`it ended with exit code ${code}`))
    },
    keepAlive(needed) {
      if (ended) return
      if (needed) thread.ref()
      else thread.unref()
    },
    async terminate() {
      isAskedToEnd = !hasFailed
      await thread.terminate()
    },
  }
}
