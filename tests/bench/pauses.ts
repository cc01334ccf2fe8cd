/** How long the calling thread was kept from serving a timer: what a page feels as a pause. */
const TICK_MS = 4

export function watchPauses() {
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last - TICK_MS)
    last = now
  }, TICK_MS)
  return {
    longestMs: () => Math.max(longest, performance.now() - last - TICK_MS),
    restart() {
      longest = 0
      last = performance.now()
    },
    stop: () => clearInterval(timer),
  }
}
