import { expect, test } from 'vitest';
import { isHealthy, isInForce } from '../../cli/subscription-text.ts';

const subscription = {
  status: 'active',
  provisioning: 'ready',
  delivering: true,
  queue: { waiting: 3, inFlight: 0, deadLetters: 0 },
  route: { mapping: 'Enabled' },
};
const withProblem = (problem: string) => ({ ...subscription, route: { ...subscription.route, problem } });

test('a route is in force though its function failed last, since that stays until the next call; but it is not well', () => {
  const failed = withProblem('PROBLEM: Function call failed');
  expect([isInForce(failed), isHealthy(failed)]).toEqual([true, false]);
});

test('a route whose function may not run is not in force, whatever its last call came to', () => {
  const route = { ...withProblem('PROBLEM: Function call failed').route, reservedConcurrency: 0 };
  expect(isInForce({ ...subscription, route })).toBe(false);
});

test('a route whose queue cannot be read is neither in force nor well', () => {
  const unread = withProblem('PROBLEM: The specified queue does not exist');
  expect([isInForce(unread), isHealthy(unread)]).toEqual([false, false]);
  expect([isInForce(subscription), isHealthy(subscription)]).toEqual([true, true]);
});

test('a subscription whose endpoint fails is not well, though its route is; one that a person has paused is', () => {
  const failing = { ...subscription, failingSince: '2026-11-22T11:00:00.000Z' };
  expect([isInForce(failing), isHealthy(failing)]).toEqual([true, false]);
  const paused = { ...failing, status: 'paused', delivering: false };
  expect(isHealthy(paused)).toBe(true);
});
