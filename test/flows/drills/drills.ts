import type { Drill } from './drill.ts';
import { drillsOfDeliveries } from './drills-of-deliveries.ts';
import { drillsOfInactivity } from './drills-of-inactivity.ts';
import { drillsOfPosts } from './drills-of-posts.ts';
import { drillsOfProvisioning } from './drills-of-provisioning.ts';
import { drillsWithoutAlarm } from './drills-without-alarm.ts';

export const drills: readonly Drill[] = [
  ...drillsOfPosts,
  ...drillsOfInactivity,
  ...drillsOfProvisioning,
  ...drillsOfDeliveries,
  ...drillsWithoutAlarm,
];

/** Articles, or steps of one, whose commands no drill runs, and why. */
export const notDrilled: Readonly<Record<string, string>> = {
  'another-region': 'there is one region on this machine',
  'deliveries-not-read 3':
    "the AWS command line, which this machine need not have, takes a function's concurrency of 0 away",
  'something-deleted 3': 'the stack is deployed again, which this machine cannot',
};
