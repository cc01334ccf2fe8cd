/**
 * A database name as ASCII letters, digits, `_`, `-` and `.`: each UTF-16 code unit that is none of the first four
 * becomes `.` and four hex digits. Injective for every string, lone surrogates included, which stores that keep
 * UTF-8 would otherwise fold into one. At most five characters per code unit.
 */
export function escapeDatabaseName(database: string): string {
  return database.replace(/[^A-Za-z0-9_-]/g, (unit) => `.${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
