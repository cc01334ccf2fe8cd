/** Databases in the origin private file system, as a script of its own: only those with `storage: 'opfs'` need it. */
export { opfsOrFallback } from '../../storage/opfs-fallback.js'
export { opfsStorage } from '../../storage/opfs.js'
