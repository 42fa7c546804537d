import { randomUUID } from 'node:crypto'
import { type Caller, type Operations, onlyOwn, refuse, text, whole } from './aws-service.ts'
import type { AwsState, StoredSecret } from './aws-state.ts'

const arn = (name: string): string => `arn:aws:secretsmanager:local:000000000000:secret:${name}-local1`

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html */
const mostListed = 100

/**
 * Secrets Manager: GetSecretValue, CreateSecret, PutSecretValue, ListSecrets, DeleteSecret. A session of the tenant role
 * reads only `deskhand/<its tenant>/outbound/...`, overwrites only `.../outbound/grant-...`, and only what is tagged with
 * its tenant; one of the role of admins stores inbound secrets and any outbound one of its tenant; one of the role of
 * jobs deletes `deskhand/<its tenant>/...` and reads none. (AWS would also deny it a secret that does not exist, having
 * no tag to compare; here it is told that there is none. AWS lists what it has five minutes late at worst; here at once.)
 */
export function secretsManager(state: AwsState, changed: () => void): Operations {
  const find = (name: string): StoredSecret =>
    state.secrets[name] ??
    refuse('ResourceNotFoundException', "Secrets Manager can't find the specified secret.")
  const store = (name: string, value: string, tags: Record<string, string>) => {
    const secret = { value, version: randomUUID(), tags }
    state.secrets[name] = secret
    changed()
    return { ARN: arn(name), Name: name, VersionId: secret.version }
  }
  return {
    GetSecretValue(input, caller) {
      const name = text(input, 'SecretId')
      mayRead(caller, name, state.secrets[name])
      const secret = find(name)
      return {
        ARN: arn(name),
        Name: name,
        VersionId: secret.version,
        SecretString: secret.value,
        VersionStages: ['AWSCURRENT'],
      }
    },
    CreateSecret(input, caller) {
      const name = text(input, 'Name')
      const tags = tagsOf(input.Tags)
      if (caller.tenant !== undefined) {
        const ownName =
          caller.administers && new RegExp(`^deskhand/${caller.tenant}/(in|out)bound/`).test(name)
        if (!ownName || tags.tenant !== caller.tenant) onlyOwn(caller, 'CreateSecret')
      }
      if (state.secrets[name]) refuse('ResourceExistsException', `the secret ${name} already exists`)
      return store(name, text(input, 'SecretString'), tags)
    },
    PutSecretValue(input, caller) {
      const name = text(input, 'SecretId')
      mayWrite(caller, name, state.secrets[name])
      return store(name, text(input, 'SecretString'), find(name).tags)
    },
    ListSecrets(input, caller) {
      onlyOwn(caller, 'ListSecrets')
      const begins = namePrefixes(input.Filters)
      const names = Object.keys(state.secrets)
        .filter((name) => begins.some((prefix) => name.startsWith(prefix)))
        .sort((a, b) => (a < b ? -1 : 1))
      const from = Number(input.NextToken ?? 0)
      const to = from + whole(input, 'MaxResults', mostListed, mostListed)
      return {
        SecretList: names.slice(from, to).map((Name) => ({ ARN: arn(Name), Name })),
        ...(to < names.length ? { NextToken: String(to) } : {}),
      }
    },
    DeleteSecret(input, caller) {
      const name = text(input, 'SecretId')
      mayDelete(caller, name)
      if (input.ForceDeleteWithoutRecovery !== true)
        refuse('InvalidParameterException', 'only ForceDeleteWithoutRecovery is served here')
      // Forced, it succeeds for a secret that is not there.
      delete state.secrets[name]
      changed()
      return { ARN: arn(name), Name: name, DeletionDate: Date.now() / 1000 }
    },
  }
}

function mayRead(caller: Caller, name: string, secret: StoredSecret | undefined): void {
  if (caller.tenant === undefined) return
  const named = caller.erases !== true && name.startsWith(`deskhand/${caller.tenant}/outbound/`)
  const tagged = secret === undefined || secret.tags.tenant === caller.tenant
  if (!named || !tagged) {
    refuse(
      'AccessDeniedException',
      'the tenant role does not allow secretsmanager:GetSecretValue on this secret',
    )
  }
}

/** Refresh tokens alone, unless the role administers; like AWS, one that does not exist has no tag to allow it. */
function mayWrite(caller: Caller, name: string, secret: StoredSecret | undefined): void {
  if (caller.tenant === undefined) return
  const own = new RegExp(
    `^deskhand/${caller.tenant}/${caller.administers ? '(in|out)bound/' : 'outbound/grant-'}`,
  )
  const named = caller.erases !== true && own.test(name)
  if (!named || secret?.tags.tenant !== caller.tenant) onlyOwn(caller, 'PutSecretValue')
}

/** By the path alone: a secret that lacks its tag is the tenant's all the same. */
function mayDelete(caller: Caller, name: string): void {
  if (caller.tenant === undefined) return
  if (caller.erases !== true || !name.startsWith(`deskhand/${caller.tenant}/`))
    onlyOwn(caller, 'DeleteSecret')
}

/** What the filter `name` begins with; any other filter is not served. Without one, everything. */
function namePrefixes(filters: unknown): string[] {
  const list = Array.isArray(filters) ? (filters as { Key: string; Values: string[] }[]) : []
  if (list.some(({ Key }) => Key !== 'name'))
    refuse('InvalidParameterException', 'only the filter name is served here')
  return list[0]?.Values ?? ['']
}

function tagsOf(tags: unknown): Record<string, string> {
  const list = Array.isArray(tags) ? (tags as { Key: string; Value: string }[]) : []
  return Object.fromEntries(list.map((tag) => [tag.Key, tag.Value]))
}
