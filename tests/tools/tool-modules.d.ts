/** What tests use of the tools, which are plain JavaScript: they run before anything is installed or compiled. */
declare module '*/tools/setup.mjs' {
  export function findCommand(name: string): string | undefined
  export function nodeModulesAreCurrent(root: string): boolean
  export function emscriptenEnvironment(): NodeJS.ProcessEnv
}

declare module '*/tools/stages.mjs' {
  export interface Counts {
    passed: number
    failed: number
  }
  export interface Options {
    logPath: string
    timeoutMinutes?: number
  }
  export function runProgram(command: string[], options: Options): Promise<number>
  export function totalCounts(results: { counts: Counts }[]): Counts
}

declare module '*/tools/runner-counts.mjs' {
  export interface Counts {
    passed: number
    failed: number
  }
  export function countGoogleTests(log: string): Counts
  export function countVitest(log: string): Counts
  export function countFuzzTargets(log: string): Counts
  export function countPlanted(log: string): Counts
}

declare module '*/tools/planted-bugs.mjs' {
  export interface PlantedBug {
    what: string
    file: string
    find: string
    replace: string
    test: string
  }
  export const PLANTED_BUGS: PlantedBug[]
}
