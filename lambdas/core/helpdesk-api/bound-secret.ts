/** A credential of ours for a helpdesk. It goes to the hosts it is bound to, nowhere else. */
import type { ConnectionBase } from '../../../schemas/connection.ts'
import { outboundSecret } from '../../../schemas/tenant-apis.ts'
import { DeskhandError } from '../errors.ts'
import type { HelpdeskApi } from '../helpdesk.ts'

/** The value of the outbound secret `name` for calls to `base`. `fresh` passes the cache by. Throws `bad_configuration`. */
export async function boundSecret<C extends ConnectionBase>(
  api: HelpdeskApi<C>,
  name: string,
  base: string,
  fresh: boolean,
): Promise<string> {
  const secret = outboundSecret.safeParse(await api.secrets.read(name, { fresh }))
  if (!secret.success)
    throw new DeskhandError(
      'bad_configuration',
      `Secret ${name} is missing or has another shape: store it again`,
    )
  const { host } = new URL(base)
  if (!secret.data.hosts.some((bound) => bound.toLowerCase() === host))
    throw new DeskhandError(
      'bad_configuration',
      `Secret ${name} is not bound to ${host}: store it again for it`,
    )
  return secret.data.value
}
