import type { Invocation } from '../../lab/simulator/invocation.ts';

/** An invocation of the simulator whose calls take no time and never fail. */
export function calmInvocation(): Invocation {
  const calm: Pick<Invocation, 'call' | 'strikes' | 'note' | 'about'> = {
    about: new Set<string>(),
    call: async (_what, effect) => effect(),
    strikes: () => false,
    note: () => undefined,
  };
  return calm as Invocation;
}
