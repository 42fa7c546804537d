import { CfnOutput, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'
import { AdminUsers } from './admin-users.ts'
import { readSettings } from './settings.ts'

/** The sparse index of tickets that are due: the attributes are there only while they are. */
export const dueIndex = 'due'

/** What must outlive a deployment: the tables, the keys that open them, the Anthropic key, who can sign in. All are retained. */
export class StorageStack extends Stack {
  readonly conversations: Table
  readonly configuration: Table
  /** Encrypts the tables at rest. DynamoDB sends its own encryption context, so no tenant can be bound here. */
  readonly tablesKey: Key
  /** Makes the data keys of stored text. Nothing but the tenant role may use it, with the tenant as context. */
  readonly contentKey: Key
  /** Encrypts the secrets, of tenants and our own. */
  readonly secretsKey: Key
  readonly anthropicSecret: Secret
  /** Absent where an issuer of the company's own vouches for them. */
  readonly adminUsers: AdminUsers | undefined

  constructor(scope: Construct, id: string) {
    super(scope, id, { description: 'Deskhand: tables, keys and secrets', terminationProtection: true })

    this.tablesKey = this.key('TablesKey', 'Deskhand: tables at rest')
    this.contentKey = this.key(
      'ContentKey',
      'Deskhand: data keys of stored text, one tenant as encryption context',
    )
    this.secretsKey = this.key('SecretsKey', 'Deskhand: secrets at rest')

    this.conversations = this.table('Conversations', { timeToLiveAttribute: 'expiresAt' })
    this.conversations.addGlobalSecondaryIndex({
      indexName: dueIndex,
      partitionKey: { name: 'due', type: AttributeType.STRING },
      sortKey: { name: 'dueAt', type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    })
    this.configuration = this.table('Configuration')

    // CloudFormation cannot make a secret without a value: this one starts as random characters, which Anthropic refuses.
    this.anthropicSecret = new Secret(this, 'AnthropicKey', {
      description: 'Deskhand: the API key of Anthropic',
      encryptionKey: this.secretsKey,
      generateSecretString: { excludePunctuation: true },
      removalPolicy: RemovalPolicy.RETAIN,
    })
    Validations.of(this.anthropicSecret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Anthropic has no API that rotates a key: an operator makes a new one and stores it by the command of the output.',
    })

    // Whoever is signed in is known by a subject that this pool made up: a new pool would know nobody.
    if (readSettings(this.node).adminIssuer === undefined)
      this.adminUsers = new AdminUsers(this, 'AdminUsers')

    new CfnOutput(this, 'ConversationsTable', { value: this.conversations.tableName })
    new CfnOutput(this, 'ConfigurationTable', { value: this.configuration.tableName })
    new CfnOutput(this, 'SecretsKeyArn', {
      value: this.secretsKey.keyArn,
      description: 'The KMS key that every secret of a tenant must be encrypted with',
    })
    // With Bedrock the secret stays, unread: a deploy that chooses otherwise must not find its export in use.
    if (readSettings(this.node).model === 'anthropic')
      new CfnOutput(this, 'StoreAnthropicKey', {
        value: `(read -rs key; printf %s "$key") | aws secretsmanager put-secret-value --region ${this.region} --secret-id ${this.anthropicSecret.secretArn} --secret-string file:///dev/stdin`,
        description: 'Run it, paste the key, press Enter: the key is shown nowhere and is on no command line',
      })
  }

  private key(id: string, description: string): Key {
    return new Key(this, id, { description, enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN })
  }

  private table(id: string, options: { timeToLiveAttribute?: string } = {}): Table {
    return new Table(this, id, {
      ...options,
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: this.tablesKey,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
  }
}
