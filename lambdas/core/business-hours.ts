/** Is a human there now, by the tenant's business hours? */
import { type BusinessHours, type Weekday, weekdays } from '../../schemas/agent-rules.ts'

const day = 24 * 60 * 60 * 1000
/** Days looked ahead for the next opening. */
const daysAhead = 14

/** Local date, weekday and time of an instant. */
function localParts(at: number, timeZone: string): { date: string; weekday: Weekday; time: string } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'long',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at)
  const part = (type: Intl.DateTimeFormatPartTypes): string =>
    parts.find((each) => each.type === type)?.value ?? ''
  const name = part('weekday').toLowerCase()
  return {
    date: `${part('year')}-${part('month')}-${part('day')}`,
    weekday: weekdays.find((each) => each === name) ?? 'monday',
    time: `${part('hour')}:${part('minute')}`,
  }
}

const openingsOf = (hours: BusinessHours, { date, weekday }: { date: string; weekday: Weekday }) =>
  hours.closedOn.includes(date) ? [] : (hours[weekday] ?? []).toSorted((a, b) => (a.from < b.from ? -1 : 1))

/**
 * For the prompt: whether human colleagues are there, until when, or from when on. `undefined` where the tenant has
 * not said when they are.
 */
export function humansNow(
  hours: BusinessHours | undefined,
  now: number,
  timeZone: string,
): string | undefined {
  if (hours === undefined) return undefined
  const today = localParts(now, timeZone)
  const open = openingsOf(hours, today).find(({ from, to }) => from <= today.time && today.time < to)
  if (open !== undefined) return `Human colleagues are there now, today until ${open.to}.`
  const next = nextOpening(hours, now, timeZone)
  return next === undefined
    ? 'Human colleagues are not there now.'
    : `Human colleagues are not there now; they are again ${next}.`
}

function nextOpening(hours: BusinessHours, now: number, timeZone: string): string | undefined {
  const today = localParts(now, timeZone)
  const seen = new Set<string>()
  // Half days, because a day in a time zone may have 23 hours.
  for (let at = now; at < now + daysAhead * day; at += day / 2) {
    const local = localParts(at, timeZone)
    if (seen.has(local.date)) continue
    seen.add(local.date)
    const first = openingsOf(hours, local).find(({ from }) => local.date !== today.date || from > today.time)
    if (first === undefined) continue
    if (local.date === today.date) return `today at ${first.from}`
    const name = local.weekday.charAt(0).toUpperCase() + local.weekday.slice(1)
    return `on ${name}, ${local.date}, at ${first.from}`
  }
  return undefined
}
