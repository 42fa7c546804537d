/** Which team of the helpdesk gets a hand-over: the one that the connection names for its reason, else its default. */
import type { ConnectionBase } from '../../schemas/connection.ts'

/** `undefined`: the connection's default. */
export const teamFor = (
  { handOverTeams }: Pick<ConnectionBase, 'handOverTeams'>,
  cause: string,
): string | undefined => (Object.hasOwn(handOverTeams, cause) ? handOverTeams[cause] : undefined)

/** Every team that something may be handed over to, for `check`. */
export const teamsOf = (
  { handOverTeams }: Pick<ConnectionBase, 'handOverTeams'>,
  fallback: string | undefined,
): string[] => [...new Set([...(fallback === undefined ? [] : [fallback]), ...Object.values(handOverTeams)])]
