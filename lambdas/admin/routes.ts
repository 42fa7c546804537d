/** Every route of the admin API, in the order of its document. */
import type { Helpdesks } from './kinds.ts'
import type { Route } from './route.ts'
import { auditRoutes } from './routes/audit.ts'
import { connectionRoutes } from './routes/connections.ts'
import { documentRoute } from './routes/document.ts'
import { importRoutes } from './routes/importing.ts'
import { itemRoutes } from './routes/items.ts'
import { jobRoutes } from './routes/jobs.ts'
import { linkRoutes } from './routes/links.ts'
import { releaseRoutes } from './routes/releases.ts'
import { reportRoutes } from './routes/report.ts'
import { secretRoutes } from './routes/secrets.ts'
import { tenantRoutes } from './routes/tenants.ts'
import { ticketRoutes } from './routes/tickets.ts'
import { tryRoutes } from './routes/trying.ts'

export function routesOf(helpdesks: Helpdesks): readonly Route[] {
  const routes: Route[] = [
    ...tenantRoutes,
    ...itemRoutes(helpdesks),
    ...connectionRoutes(helpdesks),
    ...linkRoutes,
    ...releaseRoutes,
    ...secretRoutes,
    ...tryRoutes,
    ...importRoutes,
    ...ticketRoutes,
    ...reportRoutes,
    ...jobRoutes,
    ...auditRoutes,
    documentRoute(() => routes),
  ]
  return routes
}
