import { Validations } from 'aws-cdk-lib'
import { ArnPrincipal, CompositePrincipal, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import type { DeskhandFunction } from './deskhand-function.ts'
import { secretFinding, tenantGrants, tenantMay, tenantOutboundSecrets } from './permissions.ts'
import type { StorageStack } from './storage-stack.ts'

/**
 * A session says which tenant it is for, by exactly one tag. Three characters at least, as a tenant id has; STS
 * admits neither `*`, `?` nor `#` in a tag, so that no value of it can widen a pattern.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html
 */
export const oneTenant = {
  StringLike: { 'aws:RequestTag/tenant': '???*' },
  'ForAllValues:StringEquals': { 'aws:TagKeys': ['tenant'] },
}

/** The role that `answer` assumes for each tenant, with the tenant as session tag: all it can reach is that tenant's. */
export class TenantRole extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: { storage: StorageStack; signingKey: IKey; answers: DeskhandFunction[] },
  ) {
    super(scope, id)
    const role = new Role(this, 'Role', {
      description: 'Deskhand: one tenant, by session tag',
      assumedBy: new CompositePrincipal(
        ...props.answers.map((answer) =>
          new ArnPrincipal(answer.role.roleArn).withConditions(oneTenant).withSessionTags(),
        ),
      ),
    })
    for (const statement of tenantMay(props.storage, props.signingKey)) role.addToPolicy(statement)
    for (const secrets of [tenantOutboundSecrets, tenantGrants]) {
      Validations.of(role.node.findChild('DefaultPolicy')).acknowledge({
        id: secretFinding(secrets),
        reason:
          'Admins make secrets at run time: the path and a condition on the tag hold it to the tenant of the session.',
      })
    }

    for (const answer of props.answers) {
      answer.role.addToPolicy(
        new PolicyStatement({ actions: ['sts:AssumeRole', 'sts:TagSession'], resources: [role.roleArn] }),
      )
      answer.handler.addEnvironment('TENANT_ROLE_ARN', role.roleArn)
      answer.handler.addEnvironment('IDENTITY_KEY_ARN', props.signingKey.keyArn)
    }
  }
}
