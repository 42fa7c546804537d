/** Runs a command to its exit code; what it throws is told with the cause behind it. */
export function runCommand(main: () => Promise<number>): void {
  main().then(
    (code) => {
      process.exitCode = code
    },
    (error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`)
      process.exitCode = 1
    },
  )
}

/** Here the person who reads it is the one whose region or credentials are missing. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
