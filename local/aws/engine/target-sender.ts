import type { EngineClock } from './engine-clock.ts';
import { defaultEventAgeSeconds, defaultRetryAttempts, type Rule, type RuleTarget } from './event-rule.ts';
import { type Measure, measureNothing } from './measure.ts';

export type DeliverToTarget = (delivery: TargetDelivery) => DeliveryResult | Promise<DeliveryResult>;

export interface TargetDelivery {
  readonly ruleArn: string;
  /** The target's, or its dead-letter queue's. */
  readonly targetArn: string;
  /** The event's envelope, or the target's constant `Input`. */
  readonly payload: string;
  /** X-Ray's, of who put the event. */
  readonly traceHeader?: string;
  /** For the dead-letter queue only: why the target did not get it. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** `rejected`: trying again is no use (the target is gone, or does not allow it). */
export interface FailedDelivery {
  readonly kind: 'failed' | 'rejected';
  readonly errorCode: string;
  readonly errorMessage: string;
}

export type DeliveryResult = { readonly kind: 'delivered' } | FailedDelivery;

export interface TargetSenderOptions {
  readonly clock: EngineClock;
  /** Hands one event to one target; see target-delivery.ts for queues and functions. */
  readonly deliver: DeliverToTarget;
  /** Told of each event that reached neither its target nor the target's dead-letter queue. */
  readonly onDropped: (delivery: TargetDelivery, why: FailedDelivery) => void;
  /** Spreads retries, 0 to 1. Default `Math.random`. */
  readonly random?: () => number;
  readonly measure?: Measure | undefined;
}

/** One event on its way to one target. */
interface Sending {
  readonly rule: Rule;
  readonly target: RuleTarget;
  readonly delivery: TargetDelivery;
  readonly since: number;
}

const maxRetryDelayMs = 600_000;

/** Hands events to targets: again later where that fails, and to the dead-letter queue where that is no use. */
export class TargetSender {
  readonly #options: TargetSenderOptions;
  readonly #retries = new Set<() => void>();
  readonly #underWay = new Set<Promise<void>>();
  #isStopped = false;

  constructor(options: TargetSenderOptions) {
    this.#options = options;
  }

  sendToTargets(rule: Rule, eventText: string, traceHeader?: string): void {
    const since = this.#options.clock.now();
    const trace = traceHeader === undefined ? {} : { traceHeader };
    for (const target of rule.targets.values()) {
      const payload = target.input ?? eventText;
      const delivery = { ruleArn: rule.description.arn, targetArn: target.arn, payload, ...trace };
      this.#measure(rule, 'Invocations');
      this.#send({ rule, target, delivery, since }, 0);
    }
  }

  /** Resolves once every delivery that is under way, retries excepted, has been handed to its target. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#retries) cancel();
    this.#retries.clear();
  }

  #send(sending: Sending, attempt: number): void {
    this.#deliver(sending.delivery, (why) => this.#exhaustOrRetry(sending, why, attempt));
  }

  #deliver(delivery: TargetDelivery, onFailed: (why: FailedDelivery) => void, onDelivered = (): void => {}): void {
    const settle = (result: DeliveryResult): void => {
      if (result.kind === 'delivered') onDelivered();
      else onFailed(result);
    };
    let result: DeliveryResult | Promise<DeliveryResult>;
    try {
      result = this.#options.deliver(delivery);
    } catch (error) {
      result = internalError(error);
    }
    if (!(result instanceof Promise)) {
      settle(result);
      return;
    }
    const tracked: Promise<void> = result
      .catch(internalError)
      .then(settle)
      .finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  #exhaustOrRetry(sending: Sending, why: FailedDelivery, attempt: number): void {
    const { rule, target, delivery, since } = sending;
    const { clock, onDropped, random = Math.random } = this.#options;
    const maxAttempts = target.maximumRetryAttempts ?? defaultRetryAttempts;
    const until = since + (target.maximumEventAgeSeconds ?? defaultEventAgeSeconds) * 1000;
    const retryAt = clock.now() + Math.min(maxRetryDelayMs, 1000 * 2 ** attempt) * (1 + random() / 4);
    if (why.kind === 'failed' && attempt < maxAttempts && retryAt <= until) {
      if (this.#isStopped) return;
      const cancel = clock.setTimer(retryAt, () => {
        this.#retries.delete(cancel);
        this.#send(sending, attempt + 1);
      });
      this.#retries.add(cancel);
      return;
    }
    this.#measure(rule, 'FailedInvocations');
    if (target.deadLetterArn === undefined) {
      onDropped(delivery, why);
      return;
    }
    // docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    const attributes: Record<string, string> = {
      RULE_ARN: rule.description.arn,
      TARGET_ARN: target.arn,
      ERROR_CODE: why.errorCode,
      ERROR_MESSAGE: why.errorMessage,
      RETRY_ATTEMPTS: String(attempt),
    };
    if (why.kind === 'failed') {
      attributes.EXHAUSTED_RETRY_CONDITION =
        attempt < maxAttempts ? 'MaximumEventAgeInSeconds' : 'MaximumRetryAttempts';
    }
    const toDeadLetters: TargetDelivery = { ...delivery, targetArn: target.deadLetterArn, attributes };
    this.#deliver(
      toDeadLetters,
      (lost) => {
        this.#measure(rule, 'InvocationsFailedToBeSentToDlq');
        onDropped(toDeadLetters, lost);
      },
      () => this.#measure(rule, 'InvocationsSentToDlq'),
    );
  }

  /** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html */
  #measure({ description: { busName, name } }: Rule, metric: string): void {
    const { measure = measureNothing } = this.#options;
    const onBus = busName === 'default' ? {} : { EventBusName: busName };
    measure('AWS/Events', metric, { ...onBus, RuleName: name }, 1);
  }
}

function internalError(error: unknown): FailedDelivery {
  return { kind: 'failed', errorCode: 'INTERNAL_ERROR', errorMessage: String(error) };
}
