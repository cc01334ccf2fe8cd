#!/usr/bin/env node
// Gives a fresh Debian 12 with Node 20, npm and apt everything this project needs, and nothing twice.
//
//   node tools/setup.mjs [build|test|bench]     (default test; each includes the one before it)
//
// Uses nothing but Node: it runs before `npm ci`. Prints only what it does; silent and quick when all is there.
import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)))

const NODE_MAJOR_MIN = 20
const LLVM = 19

/** What each role needs. A need is met by a command on PATH or a path on disk; if not, by an apt package. */
const NEEDS = {
  build: [
    { apt: 'cmake', command: 'cmake' },
    { apt: 'ninja-build', command: 'ninja' },
  ],
  test: [
    { apt: 'g++', command: 'g++' },
    { apt: `clang-${LLVM}`, command: `clang++-${LLVM}` },
    { apt: `lld-${LLVM}`, command: `ld.lld-${LLVM}` },
    { apt: `clang-format-${LLVM}`, command: `clang-format-${LLVM}` },
    { apt: `clang-tidy-${LLVM}`, command: `clang-tidy-${LLVM}` },
    { apt: `libclang-rt-${LLVM}-dev`, path: `/usr/lib/llvm-${LLVM}/lib/clang/${LLVM}/lib/linux` },
    { apt: 'googletest', path: '/usr/src/googletest/CMakeLists.txt' },
    { apt: 'chromium', command: 'chromium' },
    { apt: 'firefox-esr', command: 'firefox-esr' },
    { apt: 'webkit2gtk-driver', command: 'WebKitWebDriver' },
    { apt: 'xvfb', command: 'Xvfb' },
  ],
  bench: [
    { apt: 'libhnswlib-dev', path: '/usr/include/hnswlib/hnswlib.h' },
    { apt: 'libfaiss-dev', path: '/usr/include/faiss/IndexHNSW.h' },
  ],
}
const ROLES = Object.keys(NEEDS)

export class SetupError extends Error {}

const say = (message) => console.error(`setup: ${message}`)

/** @param {string} name */
export function findCommand(name, path = process.env.PATH ?? '') {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, name)
    try {
      accessSync(candidate, constants.X_OK)
      if (statSync(candidate).isFile()) return candidate
    } catch {
      // not in this folder
    }
  }
  return undefined
}

/** The needs of `role` and of the roles before it that this machine does not meet. */
export function missingNeeds(role) {
  return ROLES.slice(0, ROLES.indexOf(role) + 1)
    .flatMap((each) => NEEDS[each])
    .filter((need) => !(need.command ? findCommand(need.command) : existsSync(need.path)))
}

function asRoot(command, args, env = {}) {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const line = ['env', ...settings, command, ...args]
  if (process.getuid?.() !== 0) {
    if (!findCommand('sudo')) {
      throw new SetupError(
        `root is needed, and there is no sudo. As root, run: ${[command, ...args].join(' ')}`,
      )
    }
    // Without a terminal a password could never be typed: fail instead of waiting for it.
    line.unshift('sudo', ...(process.stdin.isTTY ? [] : ['-n']))
  }
  const [program, ...rest] = line
  // apt's own words go to stderr: stdout belongs to whoever called.
  return spawnSync(program, rest, { stdio: ['inherit', 2, 2] }).status === 0
}

function installPackages(needs) {
  const packages = needs.map((need) => need.apt)
  if (!findCommand('apt-get')) {
    const wanted = needs.map((need) => `  ${need.apt} (${need.command ?? need.path})`).join('\n')
    throw new SetupError(
      `this is not a Debian-like system. Install by hand what stands for these Debian packages, then run again:\n${wanted}`,
    )
  }
  say(`installing ${packages.join(' ')}`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const options = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3', '-q', '-y']
  const install = () =>
    asRoot('apt-get', [...options, 'install', '--no-install-recommends', ...packages], env)
  // Package lists may be absent or stale; they are renewed only when that is why the first try failed.
  if (install()) return
  say('that did not work; renewing the package lists and trying once more')
  asRoot('apt-get', [...options, 'update'], env)
  if (!install()) throw new SetupError(`apt-get could not install: ${packages.join(' ')}`)
}

/** Whether node_modules holds what package-lock.json names, by npm's own record of what it installed. */
export function nodeModulesAreCurrent(root = projectRoot) {
  const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages
  let installed
  try {
    installed = read('node_modules/.package-lock.json')
  } catch {
    return false
  }
  const locked = Object.entries(read('package-lock.json')).filter(([path]) => path !== '')
  return (
    Object.keys(installed).every((path) => locked.some(([each]) => each === path)) &&
    // Optional packages are there only on the platform they are made for.
    locked.every(([path, entry]) =>
      installed[path] ? installed[path].version === entry.version : entry.optional,
    )
  )
}

/** Where the engines that the benchmark compares with are installed, apart from what the project needs. */
const peersRoot = join(projectRoot, 'tests/bench/peers')

function installNodeModules(root) {
  if (nodeModulesAreCurrent(root)) return
  say(root === projectRoot ? 'npm ci' : 'npm ci, for the benchmark')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const { status } = spawnSync(npm, ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new SetupError('npm ci failed; its own message is above')
}

const emscriptenScript = join(projectRoot, 'tools/setup-emscripten.sh')

function installEmscripten() {
  // The script is quick when its work is done; its one line "ready" is shown only when it did some.
  const begin = performance.now()
  const { status, stderr } = spawnSync('sh', [emscriptenScript], {
    encoding: 'utf8',
    stdio: ['ignore', 2, 'pipe'],
  })
  if (status !== 0 || performance.now() - begin > 2000) process.stderr.write(stderr ?? '')
  if (status !== 0) throw new SetupError('Emscripten could not be set up; the reason is above')
}

/** Environment variables under which `emcc` and `emcmake` run. */
export function emscriptenEnvironment(base = process.env) {
  const home = base.HOME ?? execFileSync('sh', ['-c', 'cd && pwd'], { encoding: 'utf8' }).trim()
  const file = join(home, '.cache/emscripten-toolchain/env.sh')
  if (!existsSync(file)) throw new SetupError('Emscripten is not set up: run `npm run setup`')
  const printed = execFileSync('sh', ['-c', `. "$1"; env -0`, 'sh', file], { encoding: 'utf8', env: base })
  return Object.fromEntries(
    printed
      .split('\0')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

/** @param {'build' | 'test' | 'bench'} role */
export function setUp(role) {
  if (!ROLES.includes(role)) throw new SetupError(`unknown role ${role}: expected ${ROLES.join(', ')}`)
  const major = Number(process.versions.node.split('.')[0])
  if (major < NODE_MAJOR_MIN) {
    throw new SetupError(`Node ${NODE_MAJOR_MIN} or newer is needed, this is ${process.versions.node}`)
  }
  const missing = missingNeeds(role)
  if (missing.length > 0) installPackages(missing)
  const still = missingNeeds(role)
  if (still.length > 0) {
    throw new SetupError(
      `still not found after installing: ${still.map((n) => n.command ?? n.path).join(', ')}`,
    )
  }
  installNodeModules(projectRoot)
  if (role === 'bench') installNodeModules(peersRoot)
  installEmscripten()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const begin = performance.now()
  try {
    setUp(process.argv[2] ?? 'test')
    say(`ready (${((performance.now() - begin) / 1000).toFixed(1)} s)`)
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    say(error.message)
    process.exitCode = 1
  }
}
