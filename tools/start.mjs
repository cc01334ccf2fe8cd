#!/usr/bin/env node
// `npm start`: sets up, builds, runs the main job in this Node, then serves the page that does the same in a browser.
//
//   npm start                  PORT and HOST say where the page is served (default: the first free port from 4173, localhost)
//   npm start -- --once        ends after the table
import { join } from 'node:path'
import { build } from './build.mjs'
import { projectRoot, setUp, SetupError } from './setup.mjs'
import { runProgram } from './stages.mjs'

const example = join(projectRoot, 'examples/visual-search')

function requestedPort() {
  const text = process.env.PORT
  if (text === undefined || text === '') return undefined
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SetupError(`PORT is ${JSON.stringify(text)}, expected a whole number from 0 to 65535`)
  }
  return port
}

async function servePage(port) {
  const vite = await import('vite')
  const configFile = join(example, 'vite.config.ts')
  await vite.build({ configFile, logLevel: 'warn' })
  const server = await vite.preview({
    configFile,
    logLevel: 'warn',
    preview: {
      host: process.env.HOST || 'localhost',
      port: port ?? 4173,
      // A port someone asked for is theirs or an error, never another one in silence.
      strictPort: port !== undefined,
    },
  })
  const urls = [...(server.resolvedUrls?.local ?? []), ...(server.resolvedUrls?.network ?? [])]
  console.log(`\nThe same in your browser: ${urls.join('  ')}   (Ctrl+C ends)`)
  for (const signal of ['SIGINT', 'SIGTERM']) process.prependOnceListener(signal, () => process.exit(0))
}

async function main() {
  const unknown = process.argv.slice(2).filter((arg) => arg !== '--once')
  if (unknown.length > 0) throw new SetupError(`unknown argument ${unknown[0]}: expected --once or nothing`)
  const port = requestedPort()
  setUp('build')
  if ((await build()).some(({ ok }) => !ok)) return 1
  const code = await runProgram(['node', join(example, 'main-job.mjs')])
  if (code !== 0) return code
  if (!process.argv.includes('--once')) await servePage(port)
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(`start: ${error.message}`)
  process.exitCode = 1
}
