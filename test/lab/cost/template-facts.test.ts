import { expect, it } from 'vitest';
import { scheduledRules, templateFacts } from '../../../lab/cost/local-run/template-facts.ts';
import { readUnits } from '../../../lab/cost/units.ts';
import { type Resource, synthesise } from '../../../lab/support/synthesised.ts';

it('the calculator knows of the stack what its template says: memory, windows, pollers, alarms, schedules, traces and keys', () => {
  const { template, scheduled } = readUnits();
  const resources = (traces: 'on' | 'off'): Record<string, Resource> =>
    synthesise({ stage: 'local', traces }).Resources;
  const [usual, traced] = [resources('off'), resources('on')];
  const { memoryMegabytes, subscriberPollers } = template;
  const made = { deliverMemoryMegabytes: memoryMegabytes.deliver, subscriberPollers };
  expect(templateFacts(usual, traced, made)).toEqual(template);
  expect(scheduledRules(usual, traced).map(({ what, runsPerHour }) => [what, runsPerHour])).toEqual(
    scheduled.map(({ what, runsPerHour }) => [what, runsPerHour]),
  );
});
