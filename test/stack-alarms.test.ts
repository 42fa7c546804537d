import { describe, expect, test } from '@jest/globals'
import { deskhandApp } from '../lib/deskhand-app.ts'
import { answerMeasures, receiveMeasures } from '../lib/log-lines.ts'
import { helpdeskNames } from '../schemas/names.ts'
import { newApp, type Resource, synthesize } from './stack-template.ts'

const stacks = synthesize({ dailyBudgets: '{"acme": 50, "globex": 7.5}', hourlyBudget: '12' })
const alarms = new Map(
  stacks.all('AWS::CloudWatch::Alarm').map(({ Properties }) => [String(Properties.AlarmName), Properties]),
)
const alarm = (name: string): Resource['Properties'] => {
  const found = alarms.get(name)
  if (found === undefined) throw new Error(`no alarm ${name}`)
  return found
}
/** The query of an alarm that watches whatever series there are. */
const query = (name: string): string => alarm(name).Metrics[0].Expression

describe('every alarm', () => {
  test('has a name that says where it comes from', () => {
    expect(alarms.size).toBe(stacks.all('AWS::CloudWatch::Alarm').length)
    for (const name of alarms.keys()) expect(name).toMatch(/^deskhand(-[a-z]+)+$/)
  })

  test.each([...alarms.keys()])('%s says what it means and what to do', (name) => {
    const { AlarmDescription } = alarm(name)
    expect(AlarmDescription.length).toBeGreaterThan(60)
    // A cause, and then a next step.
    expect(AlarmDescription).toMatch(/: \S|\. \S/)
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    expect(AlarmDescription.length).toBeLessThanOrEqual(1024)
  })
})

describe('what goes wrong for one connection', () => {
  test('five webhooks in a row raise an alarm that names it, whichever connections there are', () => {
    expect(query('deskhand-connections-keep-failing')).toBe(
      'SELECT SUM(FailuresInARow) FROM SCHEMA("Deskhand", Connection, Helpdesk) GROUP BY Connection, Helpdesk ORDER BY SUM() DESC',
    )
    expect(alarm('deskhand-connections-keep-failing')).toMatchObject({
      Threshold: 4,
      ComparisonOperator: 'GreaterThanThreshold',
    })
    expect(query('deskhand-connections-credentials-refused')).toContain('SUM(CredentialsRefused)')
  })

  test('a query reaches no further back than an alarm may ask: three hours', () => {
    for (const { Metrics = [] } of alarms.values())
      for (const { Expression = '', Period } of Metrics)
        if (Expression.startsWith('SELECT')) expect(Period).toBeLessThanOrEqual(3 * 3600)
  })

  test('is counted by the dimensions that the query names', () => {
    const { all } = stacks
    for (const name of ['FailuresInARow', 'CredentialsRefused', 'ModelCost']) {
      const filters = all('AWS::Logs::MetricFilter').filter(
        ({ Properties }) => Properties.MetricTransformations[0].MetricName === name,
      )
      expect(filters.length).toBeGreaterThanOrEqual(helpdeskNames.length)
      const wanted = name === 'ModelCost' ? ['Helpdesk', 'Tenant'] : ['Helpdesk', 'Connection']
      for (const { Properties } of filters) {
        const [{ Dimensions, MetricNamespace }] = Properties.MetricTransformations
        expect(MetricNamespace).toBe('Deskhand')
        expect(Dimensions.map(({ Key }: { Key: string }) => Key)).toEqual(wanted)
      }
    }
  })
})

describe('budgets', () => {
  test("a day's for the tenants that the settings name, over all helpdesks", () => {
    const { Metrics, Threshold } = alarm('deskhand-budgets-day-of-acme')
    expect(Threshold).toBe(50)
    const sums = Metrics.filter(({ MetricStat }: { MetricStat?: object }) => MetricStat !== undefined)
    expect(
      sums.map(({ MetricStat }: { MetricStat: { Period: number; Metric: { Dimensions: unknown } } }) => [
        MetricStat.Period,
        MetricStat.Metric.Dimensions,
      ]),
    ).toEqual(
      helpdeskNames.map((helpdesk) => [
        86_400,
        [
          { Name: 'Helpdesk', Value: helpdesk },
          { Name: 'Tenant', Value: 'acme' },
        ],
      ]),
    )
    expect(alarm('deskhand-budgets-day-of-globex').Threshold).toBe(7.5)
  })

  test("an hour's for whichever tenants there are", () => {
    expect(alarm('deskhand-budgets-hour-of-one-tenant').Threshold).toBe(12)
    expect(query('deskhand-budgets-hour-of-one-tenant')).toMatch(/SUM\(ModelCost\).* GROUP BY Tenant /)
  })

  test.each([
    { dailyBudgets: '{"acme": 0}' },
    { dailyBudgets: '{"No Tenant": 5}' },
    { dailyBudgets: 'acme=5' },
  ])('that cannot be used are refused by name: %j', (context) => {
    expect(() => deskhandApp(newApp(context))).toThrow('dailyBudgets')
  })
})

test('turns that fail are an alarm by their share, and only where there are some', () => {
  const { Metrics, Threshold } = alarm('deskhand-zendesk-turns-failing')
  expect(Threshold).toBe(25)
  expect(Metrics[0].Expression).toBe('IF(failed >= 5, 100 * failed / (failed + FILL(ended, 0)), 0)')
  const counts = stacks
    .all('AWS::Logs::MetricFilter')
    .map(({ Properties }) => Properties.MetricTransformations[0])
    .filter(({ MetricNamespace }) => MetricNamespace === 'Deskhand/zendesk/answer')
  for (const name of ['Turns', 'TurnsFailed'])
    expect(counts.find(({ MetricName }) => MetricName === name)).toMatchObject({ DefaultValue: 0 })
})

describe('measures', () => {
  const filters = stacks.all('AWS::Logs::MetricFilter').map(({ Properties }) => ({
    pattern: Properties.FilterPattern,
    group: stacks.text(Properties.LogGroupName),
    ...Properties.MetricTransformations[0],
  }))

  test('have at most three dimensions and no default value beside them, as CloudWatch asks', () => {
    for (const { Dimensions = [], DefaultValue } of filters) {
      expect(Dimensions.length).toBeLessThanOrEqual(3)
      if (Dimensions.length > 0) expect(DefaultValue).toBeUndefined()
    }
  })

  test('are taken from the log of every helpdesk, far fewer than the 100 that a group may have', () => {
    for (const name of Object.keys({ ...receiveMeasures, ...answerMeasures })) {
      const groups = filters.filter(
        ({ MetricName, MetricNamespace }) => MetricName === name && MetricNamespace === 'Deskhand',
      )
      expect(new Set(groups.map(({ group }) => group)).size).toBe(helpdeskNames.length)
    }
    const each = Object.values(Object.groupBy(filters, ({ group }) => group))
    for (const group of each) expect(group?.length).toBeLessThan(50)
  })

  test('are by connection only where a connection was found: no pattern counts a line by a name alone', () => {
    for (const { pattern, Dimensions = [] } of filters) {
      const read = Dimensions.map(({ Value }: { Value: string }) => Value)
      if (!read.includes('$.connectionId') && !read.includes('$.tenant')) continue
      // What receive logs of a stranger is refused or deferred: those must have a tenant, which only a found connection has.
      if (/webhook_(refused|deferred)/.test(pattern)) expect(pattern).toContain('$.tenant = "*"')
    }
  })
})

describe('the dashboard', () => {
  const [board] = stacks.all('AWS::CloudWatch::Dashboard')
  const parts: unknown[] = board?.Properties.DashboardBody['Fn::Join'][1]
  const text = parts.map((part) => (typeof part === 'string' ? part : '<token>')).join('')
  const widgets: { properties: { title?: string; markdown?: string; metrics?: unknown[] } }[] =
    JSON.parse(text).widgets

  test('asks in this order: is it up, is it behind, what does it do, what does it cost', () => {
    const titles = widgets.flatMap(({ properties }) => properties.markdown ?? [])
    expect(titles).toEqual([
      '## Is it up?',
      '## Is it behind?',
      '## What does it do?',
      '## What does it cost?',
    ])
  })

  test('shows every alarm', () => {
    const shown = text.match(/"alarms":\[(.*?)\]/)?.[1]?.split(',') ?? []
    // CloudWatch shows at most 100 in one widget.
    expect(shown.length).toBe(alarms.size)
    expect(shown.length).toBeLessThanOrEqual(100)
  })

  test('searches for measures that there are', () => {
    const searched = [...text.matchAll(/MetricName=\\+"(\w+)\\+"/g)].map(([, name]) => name ?? '')
    expect(searched.length).toBeGreaterThan(20)
    const known = { ...receiveMeasures, ...answerMeasures }
    expect(searched.filter((name) => !Object.hasOwn(known, name))).toEqual([])
  })
})
