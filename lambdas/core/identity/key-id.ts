/** The `kid` of a KMS key: the id at the end of its ARN, without the account that the rest tells. */
export const keyIdOf = (keyArn: string): string => keyArn.slice(keyArn.lastIndexOf('/') + 1)
