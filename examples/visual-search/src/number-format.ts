const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const oneDigit = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })

export function formatCount(count: number): string {
  return whole.format(count)
}

export function formatDistance(distance: number): string {
  return oneDigit.format(distance)
}

export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1) return `${milliseconds.toFixed(2)} ms`
  if (milliseconds < 100) return `${milliseconds.toFixed(1)} ms`
  if (milliseconds < 2000) return `${whole.format(milliseconds)} ms`
  return `${oneDigit.format(milliseconds / 1000)} s`
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${whole.format(bytes)} B`
  if (bytes < 1024 ** 2) return `${oneDigit.format(bytes / 1024)} KiB`
  if (bytes < 1024 ** 3) return `${oneDigit.format(bytes / 1024 ** 2)} MiB`
  return `${oneDigit.format(bytes / 1024 ** 3)} GiB`
}

export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}
