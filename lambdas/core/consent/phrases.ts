/** Fixed texts around proposals and one-time codes, in the customer's language. No model words them. */
import type { FixedLanguage } from '../../../schemas/consent.ts'

/** `{token}`, `{code}` and `{name}` are filled in by code; `name` is the agent's. */
export interface Phrases {
  /** Heads a proposal that the customer decides, and one that a colleague does. */
  please: string
  waits: string
  /** How to decide by a token. */
  byToken: string
  /** How to decide by a one-time code, on email. */
  byCode: string
  /** An approver decides. */
  byAgent: string
  /** How to prove who one is, on email and in a chat. */
  proveByMail: string
  proveInChat: string
  mailSubject: string
  /** The mail with the code; the second part only where the code decides on a proposal. */
  mailCode: string
  mailConsent: string
  mailIgnore: string
  /** What an approver's decision came to. */
  approved: string
  declined: string
  notDone: string
  /** Nobody decided in time. */
  expired: string
  /** To a mail that somebody may have sent in the customer's name. */
  neutral: string
}

export const phrases: Readonly<Record<FixedLanguage, Phrases>> = {
  en: {
    please: 'Please confirm:',
    waits: 'This waits for a colleague:',
    byToken:
      'Nothing has been done yet. To go ahead, write {token} in your next message. If you do not want this, write NO {token}. This is valid for 24 hours.',
    byCode:
      'Nothing has been done yet. If we have an email address on record for you, we have sent a 6-digit code there. To go ahead, write the code in the first line of your next message. It is valid for 10 minutes.',
    byAgent: 'Nothing has been done yet. A colleague decides about it, and we will tell you here.',
    proveByMail:
      'To be sure that it is you: if we have an email address on record for you, we have sent a 6-digit code there. Please write the code in the first line of your next message. It is valid for 10 minutes.',
    proveInChat:
      'To be sure that it is you: if we have an email address on record for you, we have sent a 6-digit code there. Please write the code in this conversation. It is valid for 10 minutes.',
    mailSubject: 'Your code',
    mailCode: 'Your code for the conversation with {name} is {code}. It is valid for 10 minutes.',
    mailConsent: 'By writing the code in the first line of your next message you agree to this:',
    mailIgnore: 'If you did not ask for it, do nothing, and give the code to nobody.',
    approved: 'This was approved and has been done:',
    declined: 'This was not approved, and nothing has been done:',
    notDone: 'This could not be done:',
    expired: 'This was not decided in time, and nothing has been done:',
    neutral: 'Thank you for your message. A colleague will look into it.',
  },
  de: {
    please: 'Bitte bestätigen Sie:',
    waits: 'Darüber entscheidet ein Kollege:',
    byToken:
      'Bisher ist nichts geschehen. Wenn Sie einverstanden sind, schreiben Sie {token} in Ihre nächste Nachricht. Wenn Sie das nicht möchten, schreiben Sie NEIN {token}. Das gilt 24 Stunden lang.',
    byCode:
      'Bisher ist nichts geschehen. Falls uns eine E-Mail-Adresse von Ihnen vorliegt, haben wir einen 6-stelligen Code dorthin geschickt. Wenn Sie einverstanden sind, schreiben Sie den Code in die erste Zeile Ihrer nächsten Nachricht. Er gilt 10 Minuten lang.',
    byAgent: 'Bisher ist nichts geschehen. Ein Kollege entscheidet darüber, und wir melden uns hier.',
    proveByMail:
      'Damit wir sicher sind, dass Sie es sind: Falls uns eine E-Mail-Adresse von Ihnen vorliegt, haben wir einen 6-stelligen Code dorthin geschickt. Bitte schreiben Sie ihn in die erste Zeile Ihrer nächsten Nachricht. Er gilt 10 Minuten lang.',
    proveInChat:
      'Damit wir sicher sind, dass Sie es sind: Falls uns eine E-Mail-Adresse von Ihnen vorliegt, haben wir einen 6-stelligen Code dorthin geschickt. Bitte schreiben Sie ihn hier in die Unterhaltung. Er gilt 10 Minuten lang.',
    mailSubject: 'Ihr Code',
    mailCode: 'Ihr Code für die Unterhaltung mit {name} lautet {code}. Er gilt 10 Minuten lang.',
    mailConsent:
      'Wenn Sie den Code in die erste Zeile Ihrer nächsten Nachricht schreiben, sind Sie hiermit einverstanden:',
    mailIgnore: 'Wenn Sie das nicht angefordert haben, tun Sie nichts, und geben Sie den Code niemandem.',
    approved: 'Das wurde genehmigt und ist erledigt:',
    declined: 'Das wurde nicht genehmigt, und es ist nichts geschehen:',
    notDone: 'Das war nicht möglich:',
    expired: 'Darüber wurde nicht rechtzeitig entschieden, und es ist nichts geschehen:',
    neutral: 'Vielen Dank für Ihre Nachricht. Ein Kollege sieht sie sich an.',
  },
  fr: {
    please: 'Veuillez confirmer :',
    waits: "En attente d'un collègue :",
    byToken:
      "Rien n'a encore été fait. Si vous êtes d'accord, écrivez {token} dans votre prochain message. Si vous ne le souhaitez pas, écrivez NON {token}. Cela est valable 24 heures.",
    byCode:
      "Rien n'a encore été fait. Si nous avons une adresse e-mail de vous, nous y avons envoyé un code à 6 chiffres. Si vous êtes d'accord, écrivez le code sur la première ligne de votre prochain message. Il est valable 10 minutes.",
    byAgent: "Rien n'a encore été fait. Un collègue va décider, et nous vous répondrons ici.",
    proveByMail:
      "Pour être sûrs que c'est bien vous : si nous avons une adresse e-mail de vous, nous y avons envoyé un code à 6 chiffres. Veuillez l'écrire sur la première ligne de votre prochain message. Il est valable 10 minutes.",
    proveInChat:
      "Pour être sûrs que c'est bien vous : si nous avons une adresse e-mail de vous, nous y avons envoyé un code à 6 chiffres. Veuillez l'écrire ici dans la conversation. Il est valable 10 minutes.",
    mailSubject: 'Votre code',
    mailCode: 'Votre code pour la conversation avec {name} est {code}. Il est valable 10 minutes.',
    mailConsent: 'En écrivant le code sur la première ligne de votre prochain message, vous acceptez ceci :',
    mailIgnore: "Si vous n'avez rien demandé, ne faites rien et ne donnez le code à personne.",
    approved: 'Ceci a été approuvé et a été fait :',
    declined: "Ceci n'a pas été approuvé, et rien n'a été fait :",
    notDone: "Ceci n'a pas pu être fait :",
    expired: "Aucune décision n'a été prise à temps, et rien n'a été fait :",
    neutral: "Merci pour votre message. Un collègue va l'examiner.",
  },
  es: {
    please: 'Confirme, por favor:',
    waits: 'Pendiente de un compañero:',
    byToken:
      'Todavía no se ha hecho nada. Si está de acuerdo, escriba {token} en su próximo mensaje. Si no lo desea, escriba NO {token}. Esto es válido durante 24 horas.',
    byCode:
      'Todavía no se ha hecho nada. Si tenemos una dirección de correo suya, hemos enviado allí un código de 6 cifras. Si está de acuerdo, escriba el código en la primera línea de su próximo mensaje. Es válido durante 10 minutos.',
    byAgent: 'Todavía no se ha hecho nada. Un compañero lo decidirá, y le responderemos aquí.',
    proveByMail:
      'Para estar seguros de que es usted: si tenemos una dirección de correo suya, hemos enviado allí un código de 6 cifras. Escríbalo en la primera línea de su próximo mensaje. Es válido durante 10 minutos.',
    proveInChat:
      'Para estar seguros de que es usted: si tenemos una dirección de correo suya, hemos enviado allí un código de 6 cifras. Escríbalo aquí, en la conversación. Es válido durante 10 minutos.',
    mailSubject: 'Su código',
    mailCode: 'Su código para la conversación con {name} es {code}. Es válido durante 10 minutos.',
    mailConsent: 'Al escribir el código en la primera línea de su próximo mensaje, acepta lo siguiente:',
    mailIgnore: 'Si no lo ha pedido, no haga nada y no dé el código a nadie.',
    approved: 'Esto se ha aprobado y se ha hecho:',
    declined: 'Esto no se ha aprobado y no se ha hecho nada:',
    notDone: 'Esto no se ha podido hacer:',
    expired: 'No se ha decidido a tiempo y no se ha hecho nada:',
    neutral: 'Gracias por su mensaje. Un compañero lo revisará.',
  },
  it: {
    please: 'La preghiamo di confermare:',
    waits: 'In attesa di un collega:',
    byToken:
      'Finora non è stato fatto nulla. Se è d’accordo, scriva {token} nel suo prossimo messaggio. Se non lo desidera, scriva NO {token}. Vale per 24 ore.',
    byCode:
      'Finora non è stato fatto nulla. Se abbiamo un suo indirizzo e-mail, vi abbiamo inviato un codice di 6 cifre. Se è d’accordo, scriva il codice nella prima riga del suo prossimo messaggio. Vale per 10 minuti.',
    byAgent: 'Finora non è stato fatto nulla. Un collega deciderà, e le risponderemo qui.',
    proveByMail:
      'Per essere sicuri che sia lei: se abbiamo un suo indirizzo e-mail, vi abbiamo inviato un codice di 6 cifre. Lo scriva nella prima riga del suo prossimo messaggio. Vale per 10 minuti.',
    proveInChat:
      'Per essere sicuri che sia lei: se abbiamo un suo indirizzo e-mail, vi abbiamo inviato un codice di 6 cifre. Lo scriva qui nella conversazione. Vale per 10 minuti.',
    mailSubject: 'Il suo codice',
    mailCode: 'Il suo codice per la conversazione con {name} è {code}. Vale per 10 minuti.',
    mailConsent: 'Scrivendo il codice nella prima riga del suo prossimo messaggio accetta quanto segue:',
    mailIgnore: 'Se non l’ha richiesto, non faccia nulla e non dia il codice a nessuno.',
    approved: 'È stato approvato ed eseguito:',
    declined: 'Non è stato approvato e non è stato fatto nulla:',
    notDone: 'Non è stato possibile:',
    expired: 'Non è stato deciso in tempo e non è stato fatto nulla:',
    neutral: 'Grazie per il suo messaggio. Un collega lo esaminerà.',
  },
  nl: {
    please: 'Bevestig dit alstublieft:',
    waits: 'Dit wacht op een collega:',
    byToken:
      'Er is nog niets gedaan. Als u akkoord gaat, schrijf dan {token} in uw volgende bericht. Wilt u dit niet, schrijf dan NEE {token}. Dit is 24 uur geldig.',
    byCode:
      'Er is nog niets gedaan. Als wij een e-mailadres van u hebben, hebben wij daar een code van 6 cijfers naartoe gestuurd. Als u akkoord gaat, schrijf de code dan op de eerste regel van uw volgende bericht. De code is 10 minuten geldig.',
    byAgent: 'Er is nog niets gedaan. Een collega beslist hierover, en wij laten het u hier weten.',
    proveByMail:
      'Om zeker te weten dat u het bent: als wij een e-mailadres van u hebben, hebben wij daar een code van 6 cijfers naartoe gestuurd. Schrijf de code op de eerste regel van uw volgende bericht. De code is 10 minuten geldig.',
    proveInChat:
      'Om zeker te weten dat u het bent: als wij een e-mailadres van u hebben, hebben wij daar een code van 6 cijfers naartoe gestuurd. Schrijf de code hier in het gesprek. De code is 10 minuten geldig.',
    mailSubject: 'Uw code',
    mailCode: 'Uw code voor het gesprek met {name} is {code}. De code is 10 minuten geldig.',
    mailConsent:
      'Door de code op de eerste regel van uw volgende bericht te schrijven gaat u hiermee akkoord:',
    mailIgnore: 'Als u hier niet om hebt gevraagd, doe dan niets en geef de code aan niemand.',
    approved: 'Dit is goedgekeurd en gedaan:',
    declined: 'Dit is niet goedgekeurd, en er is niets gedaan:',
    notDone: 'Dit kon niet worden gedaan:',
    expired: 'Hierover is niet op tijd beslist, en er is niets gedaan:',
    neutral: 'Bedankt voor uw bericht. Een collega kijkt ernaar.',
  },
}

/** Fills `{name}`s in, once: a value is not looked through again. */
export const fill = (phrase: string, values: Readonly<Record<string, string>>): string =>
  phrase.replace(/\{([a-z]+)\}/g, (whole, name: string) => values[name] ?? whole)
