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
  'something-deleted 3': 'the stack is deployed again, which this machine cannot',
};
