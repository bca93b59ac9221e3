import type { EventBuses } from '../engine/event-bus.ts';
import type { AwsService } from './service.ts';

export function eventBridgeService(_options: { readonly buses: EventBuses }): AwsService {
  throw new Error('not written yet');
}
