import { randomUUID } from 'node:crypto'
import { type Caller, type Operations, onlyOwn, refuse, text } from './aws-service.ts'
import type { AwsState, StoredSecret } from './aws-state.ts'

const arn = (name: string): string => `arn:aws:secretsmanager:local:000000000000:secret:${name}-local1`

/**
 * Secrets Manager: GetSecretValue, CreateSecret, PutSecretValue. A session of the tenant role reads only
 * `deskhand/<its tenant>/outbound/...`, overwrites only `.../outbound/grant-...`, and only what is tagged with its
 * tenant; one of the role that administers stores inbound secrets and any outbound one of its tenant. (AWS would also deny it a secret
 * that does not exist, having no tag to compare; here it is told that there is none.)
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
  }
}

function mayRead(caller: Caller, name: string, secret: StoredSecret | undefined): void {
  if (caller.tenant === undefined) return
  const named = name.startsWith(`deskhand/${caller.tenant}/outbound/`)
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
  const named = own.test(name)
  if (!named || secret?.tags.tenant !== caller.tenant) onlyOwn(caller, 'PutSecretValue')
}

function tagsOf(tags: unknown): Record<string, string> {
  const list = Array.isArray(tags) ? (tags as { Key: string; Value: string }[]) : []
  return Object.fromEntries(list.map((tag) => [tag.Key, tag.Value]))
}
