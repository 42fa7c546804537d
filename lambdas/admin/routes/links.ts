/** Linking a delegated authorization: an admin begins, consents at the provider, comes back, and ends it signed in. */
import * as z from 'zod'
import { authorization } from '../../../schemas/authorization.ts'
import { authorizationName, tenantId } from '../../../schemas/names.ts'
import type { AdminTenant } from '../../core/aws/admin-runtime.ts'
import { createConfiguration } from '../../core/configuration.ts'
import { isCode } from '../../core/errors.ts'
import { escapeTags } from '../../core/escape.ts'
import {
  beginLink,
  callbackOfLink,
  type LinkContext,
  redeemLink,
  tenantOfLink,
} from '../../core/oauth/link.ts'
import { isTenant } from '../middleware/who-may.ts'
import { Problem } from '../problem.ts'
import { type RawCall, type Route, route } from '../route.ts'

const tag = 'authorizations'
const named = z.object({ tenant: tenantId, id: authorizationName })
/** Where a provider sends browsers back to: registered there once. */
export const callbackPath = '/oauth/callback'

export const linkRoutes: Route[] = [
  route(
    {
      id: 'beginLink',
      method: 'POST',
      path: '/admin/tenants/{tenant}/authorizations/{id}/link',
      tag,
      summary: 'Begins to link a delegated authorization that is live: answers where to send your browser',
      description: `Register ${callbackPath} of this host with the provider. Within 10 minutes, open the URL, consent, and redeem what the page shows.`,
      permission: 'administer',
      params: named,
      body: z.strictObject({}),
      example: {},
      answers: {
        status: 200,
        description: 'Open this in your browser.',
        body: z.object({ url: z.string() }),
      },
    },
    async (call) => {
      const { url } = await beginLink(contextOf(call, call.tenant), {
        name: call.params.id,
        starter: call.who.id,
        redirectUri: `${call.runtime.publicUrl}${callbackPath}`,
      })
      return { status: 200, body: { url } }
    },
  ),
  route(
    {
      id: 'redeemLink',
      method: 'POST',
      path: '/admin/tenants/{tenant}/authorizations/{id}/redeem',
      tag,
      summary: 'Ends linking: by whoever began it, with what the page showed',
      permission: 'administer',
      params: named,
      body: z.strictObject({ result: z.string().min(1).max(200) }),
      example: { result: 'acme.what-the-page-showed' },
      answers: { status: 200, description: 'Linked.', body: z.object({ name: z.string() }) },
    },
    async (call) => {
      if (tenantOfLink(call.body.result) !== call.params.tenant)
        throw new Problem('conflict', 'This link is unknown, over or not yours: begin again.')
      const { name } = await redeemLink(contextOf(call, call.tenant), {
        result: call.body.result,
        starter: call.who.id,
      })
      return { status: 200, body: { name }, result: { name } }
    },
  ),
  route(
    {
      id: 'oauthCallback',
      method: 'GET',
      path: callbackPath,
      tag,
      summary:
        'Where a provider sends the browser back to: shows what to redeem, and links nothing by itself',
      permission: 'anyone',
      params: z.object({}),
      query: z.object({
        state: z.string().max(300).optional(),
        code: z.string().max(4000).optional(),
        error: z.string().max(300).optional(),
      }),
      answers: { status: 200, description: 'A page.', html: true },
    },
    async ({ query, runtime, ...call }) => {
      const tenant = query.state === undefined ? undefined : tenantOfLink(query.state)
      if (query.state === undefined || tenant === undefined || !(await isTenant({ runtime }, tenant)))
        return { status: 400, html: page('Nothing was linked', 'This is not an answer to a link of ours.') }
      try {
        const { result } = await callbackOfLink(contextOf({ ...call, runtime }, runtime.forTenant(tenant)), {
          state: query.state,
          code: query.error === undefined ? query.code : undefined,
          redirectUri: `${runtime.publicUrl}${callbackPath}`,
        })
        return {
          status: 200,
          html: page(
            'One more step',
            'If you began this link yourself, redeem it within two minutes, signed in as you began it:',
            result,
          ),
        }
      } catch (error) {
        if (!isCode(error, 'refused', 'bad_configuration')) throw error
        return {
          status: 400,
          html: page('Nothing was linked', 'This link is unknown, used or over: begin again.'),
        }
      }
    },
  ),
]

function contextOf({ runtime, now }: Pick<RawCall, 'runtime' | 'now'>, tenant: AdminTenant): LinkContext {
  const configuration = createConfiguration(tenant.configuration, tenant.tenant)
  return {
    tenant: tenant.tenant,
    table: tenant.conversations,
    vault: tenant.vault,
    clock: runtime.clock,
    random: runtime.random,
    secrets: tenant.secrets,
    store: tenant.store('outbound'),
    http: tenant.http,
    live: async (name) => {
      const release = await configuration.live(0, now)
      return release && (await configuration.definition(release, 'authorization', name, authorization))
    },
  }
}

const page = (title: string, text: string, code?: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeTags(title)}</title>
<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:15vh auto;padding:0 1rem}code{display:block;padding:1rem;background:#f3f3f3;overflow-wrap:anywhere}</style></head>
<body><h1>${escapeTags(title)}</h1><p>${escapeTags(text)}</p>${code === undefined ? '' : `<code>${escapeTags(code)}</code>`}</body></html>`
