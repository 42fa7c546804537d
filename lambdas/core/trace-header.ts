/**
 * X-Ray's trace header, `Root=1-<8 hex>-<24 hex>;Parent=...;Sampled=1`: names the invocation under way.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
const format = /^Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;[A-Za-z]+=[A-Za-z0-9:|-]+)*$/

/** Of this invocation, as Lambda sets it anew for each; `undefined` outside Lambda, and for what is no such header. */
export function invocationTrace(): string | undefined {
  const header = process.env._X_AMZN_TRACE_ID
  return traceIdOf(header) === undefined ? undefined : header
}

/** The trace id in a header; `undefined` for what is none. */
export const traceIdOf = (header: string | undefined): string | undefined => format.exec(header ?? '')?.[1]
