import { describe, expect, test } from '@jest/globals'
import { helpdeskNames } from '../schemas/names.ts'
import { bundleOf } from './bundle-of.ts'

describe('the function of the admin API', () => {
  const built = bundleOf('admin/admin')

  test('bundles with every helpdesk and the agent, for simulating, and without what only the laptop has', async () => {
    const { inputs } = await built
    expect(inputs).toContain('lambdas/admin/create-admin.ts')
    for (const helpdesk of helpdeskNames) expect(inputs).toContain(`lambdas/${helpdesk}/helpdesk.ts`)
    const strangers = /aws-cdk|dynalite|redocly|jose\/|^(local|lib|test)\//
    expect(inputs.filter((path) => strangers.test(path))).toEqual([])
  })

  test('is under 2.6 MB: the time of a cold start, by which its memory is chosen', async () => {
    const { bytes } = await built
    console.info(`admin/admin: ${bytes} bytes`)
    expect(bytes).toBeGreaterThan(500_000)
    expect(bytes).toBeLessThan(2_600_000)
  })
})
