/** A callback that throws must not stop a write half way; its error surfaces as any uncaught one does. */
export function report<T>(callback: (value: T) => void, value: T): void {
  try {
    callback(value)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
