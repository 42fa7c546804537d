import type { Answered, Asked } from './serve.ts'

/** What goes wrong: `before` the request takes effect, or `after` it did and only the answer is lost. */
export interface Fault {
  when: 'before' | 'after'
  answer: Answered
}

export interface Faults {
  /** The next `times` requests that `only` picks fail. */
  failNext(fault: Fault, options?: { times?: number; only?: (asked: Asked) => boolean }): void
  /** What is planned and not used up is forgotten. */
  clear(): void
  /** Runs `handle` under the planned faults. */
  around(asked: Asked, handle: () => Answered | Promise<Answered>): Promise<Answered>
}

/** Planned failures of a stand-in, used up in the order in which they were planned. */
export function createFaults(): Faults {
  const planned: { fault: Fault; left: number; only: (asked: Asked) => boolean }[] = []
  return {
    failNext(fault, { times = 1, only = () => true } = {}) {
      planned.push({ fault, left: times, only })
    },
    clear() {
      planned.length = 0
    },
    async around(asked, handle) {
      const next = planned.find((plan) => plan.left > 0 && plan.only(asked))
      if (next === undefined) return await handle()
      next.left--
      if (next.fault.when === 'after') await handle()
      return next.fault.answer
    },
  }
}
