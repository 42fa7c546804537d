import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { alarmAbove } from './alarm.ts'
import { sumForEach } from './measured.ts'

const connection = ['Connection', 'Helpdesk']

/** What goes wrong for one connection alone: each alarm watches every connection, and names the one. */
export class ConnectionAlarms extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id)
    // Helpdesks switch a webhook off that fails too often in a row.
    alarmAbove(
      this,
      'KeepFailing',
      sumForEach('FailuresInARow', connection, connection, Duration.minutes(15)),
      4,
      'Five webhooks of one connection failed within 15 minutes and none succeeded: a webhook secret is wrong or missing, or somebody who knows the URL guesses. The state reason names the connection: compare its secret with the helpdesk before that switches the webhook off.',
    )
    alarmAbove(
      this,
      'CredentialsRefused',
      sumForEach('CredentialsRefused', connection, connection, Duration.hours(1)),
      4,
      'A helpdesk refused the credentials of one connection five times within an hour and never took them: they were revoked, or lost a scope or role. The state reason names the connection: store new ones. Its tickets wait, nothing is lost.',
    )
  }
}
