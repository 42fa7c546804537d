/** Ends a run with one plain line that any tool can read: `N passed, N failed`. */
export default class SummaryReporter {
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests }) {
    const failed = Math.max(numFailedTests, numFailedTestSuites)
    const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''
    // jest's own summary comes after this call.
    process.once('exit', () => process.stderr.write(`${numPassedTests} passed, ${failed} failed${skipped}\n`))
  }
}
