/** Starts the engine's worker in browsers. */
import type { FromWorker } from '../worker/messages.js'
import type { WorkerHandle } from '../worker/worker-client.js'

export function startWorker(): WorkerHandle {
  // In one expression, so that bundlers recognize it.
  const worker = new Worker(new URL('./browser-worker.js', import.meta.url), {
    type: 'module',
    name: 'omendb',
  })
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    listen(onMessage, onFailure) {
      worker.onmessage = (event: MessageEvent<FromWorker>) => onMessage(event.data)
      worker.onmessageerror = () => onFailure('a message could not be read')
      worker.onerror = (event) => {
        event.preventDefault()
        onFailure(event.message || 'its script could not be loaded')
      }
    },
    keepAlive: () => undefined,
    async terminate() {
      worker.terminate()
    },
  }
}
