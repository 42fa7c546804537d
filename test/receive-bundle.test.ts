import { describe, expect, test } from '@jest/globals'
import { helpdeskNames } from '../schemas/names.ts'
import { bundleOf } from './bundle-of.ts'

/** What could call a model, a helpdesk or a key, or read a ticket; and what the admin API alone is made of. */
const forbidden =
  /@anthropic-ai|html-to-text|zod-openapi|@middy\/http-router|lambdas\/admin\/|schemas\/admin|client-kms|client-sts|lambdas\/core\/(aws\/(vault|tenant-session)|egress\/|helpdesk-api\/|tools\/|agent|answer|turn|written-text)/

describe.each(helpdeskNames)('the receiving function of %s', (helpdesk) => {
  const built = bundleOf(`${helpdesk}/receive`)

  test('holds what it says, and not what could call a model, a helpdesk or a key', async () => {
    const { inputs } = await built
    expect(inputs).toContain(`lambdas/${helpdesk}/receive.ts`)
    expect(inputs).toContain('lambdas/core/receive.ts')
    expect(inputs.filter((path) => forbidden.test(path))).toEqual([])
    // Of its own helpdesk the inbound half alone, and no other helpdesk.
    const adapters = inputs.filter((path) => /^lambdas\/(?!core\/)/.test(path))
    expect(new Set(adapters)).toEqual(
      new Set([`lambdas/${helpdesk}/inbound.ts`, `lambdas/${helpdesk}/receive.ts`]),
    )
  })

  test('is under 500 KB', async () => {
    const { bytes } = await built
    expect(bytes).toBeGreaterThan(100_000)
    expect(bytes).toBeLessThan(500_000)
  })
})
