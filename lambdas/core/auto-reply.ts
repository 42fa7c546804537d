/**
 * Auto-responders and bounces by the subjects that mail programs give, where a helpdesk shows no mail header. A `Re:`
 * before one is a person's answer.
 */
const subjects =
  /^\s*(?:automatic reply|auto(?:matic)?[ -]?(?:reply|response)|out of (?:the )?office|automatische antwort|abwesenheit|réponse automatique|respuesta automática|risposta automatica|automatisch antwoord|undeliver|delivery status notification|mail delivery)/i

export const isAutoSubject = (subject: string | undefined): boolean => subjects.test(subject ?? '')
