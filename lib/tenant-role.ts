import { Validations } from 'aws-cdk-lib'
import { ArnPrincipal, CompositePrincipal, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import type { DeskhandFunction } from './deskhand-function.ts'
import { secretFinding } from './permissions.ts'

/**
 * A session says which tenant it is for, by exactly one tag. Three characters at least, as a tenant id has; STS
 * admits neither `*`, `?` nor `#` in a tag, so that no value of it can widen a pattern.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html
 */
export const oneTenant = {
  StringLike: { 'aws:RequestTag/tenant': '???*' },
  'ForAllValues:StringEquals': { 'aws:TagKeys': ['tenant'] },
}

export interface TenantRoleProps {
  description: string
  /** Who assumes it. They are told its ARN, and the key that signs. */
  functions: DeskhandFunction[]
  signingKey: IKey
  permissions: PolicyStatement[]
  /** The patterns of secret names among them. */
  secrets: string[]
}

/** A role that functions assume for each tenant, with the tenant as session tag: all it can reach is that tenant's. */
export class TenantRole extends Construct {
  constructor(scope: Construct, id: string, props: TenantRoleProps) {
    super(scope, id)
    const { description, functions, signingKey, permissions, secrets } = props
    const role = new Role(this, 'Role', {
      description,
      assumedBy: new CompositePrincipal(
        ...functions.map((one) =>
          new ArnPrincipal(one.role.roleArn).withConditions(oneTenant).withSessionTags(),
        ),
      ),
    })
    for (const statement of permissions) role.addToPolicy(statement)
    for (const pattern of secrets) {
      Validations.of(role.node.findChild('DefaultPolicy')).acknowledge({
        id: secretFinding(pattern),
        reason:
          'Admins make secrets at run time: the path and a condition on the tag hold it to the tenant of the session.',
      })
    }

    for (const one of functions) {
      one.role.addToPolicy(
        new PolicyStatement({ actions: ['sts:AssumeRole', 'sts:TagSession'], resources: [role.roleArn] }),
      )
      one.handler.addEnvironment('TENANT_ROLE_ARN', role.roleArn)
      one.handler.addEnvironment('IDENTITY_KEY_ARN', signingKey.keyArn)
    }
  }
}
