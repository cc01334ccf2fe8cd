// The files of the project: what git tracks, and what it would track (new, and not ignored).
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './setup.mjs'

/** Paths with forward slashes, relative to the project's root, below `folders` (all, when none is given). */
export function trackedFiles(...folders) {
  const printed = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...folders],
    { cwd: projectRoot, encoding: 'utf8', maxBuffer: 64 << 20 },
  )
  return printed.split('\0').filter((path) => path !== '' && existsSync(join(projectRoot, path)))
}

/** C++ sources and headers of the project. */
export function cppFiles() {
  return trackedFiles('core', 'wasm', 'tests').filter((path) => /\.(cc|h)$/.test(path))
}
