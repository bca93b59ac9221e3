/** One line of the product, broken on purpose. */
export interface ProductFault {
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly line: string;
  readonly broken: string;
}

export const productFaults: readonly ProductFault[] = [
  {
    name: 'mark before publish',
    file: 'lambdas/inactivity/emit/handler.ts',
    line: 'const taken = leased(before, lastActivityAt, since, clock());',
    broken: 'const taken = { ...before, dueAt: undefined };',
  },
  {
    name: 'drop a partial failure',
    file: 'lambdas/aws/event-bridge-publisher.ts',
    line: 'if ((result.FailedEntryCount ?? 0) === 0) return undefined;',
    broken: 'return undefined;',
  },
  {
    name: 'forget to re-arm',
    file: 'lambdas/inactivity/emit/handler.ts',
    line: "case 'rearm': {",
    broken: "case 'rearm': { return;",
  },
  {
    name: 'ack a failed record',
    file: 'lambdas/sqs/batch-item-failures.ts',
    line: 'return records.map(itemFailure);',
    broken: 'return [];',
  },
  {
    name: 'retry early',
    file: 'lambdas/domain/deliveries/retry-schedule.ts',
    line: 'Math.ceil(now + (delaySeconds + jitter) * 1000)',
    broken: 'Math.ceil(now + (delaySeconds - jitter) * 1000)',
  },
  {
    name: 'reuse a jittered id',
    file: 'lambdas/domain/events/webhook-id.ts',
    line: "['conversation', conversationId, lastUpdated]",
    broken: "['conversation', conversationId, lastUpdated.slice(0, -5)]",
  },
  {
    name: 'skip a shard',
    file: 'lambdas/inactivity/sweep/handler.ts',
    line: 'Array.from({ length: timerShards }',
    broken: 'Array.from({ length: timerShards - 1 }',
  },
  {
    name: 'ignore Retry-After',
    file: 'lambdas/domain/deliveries/attempt-outcome.ts',
    line: "const retryAfter = parseRetryAfter(headers['retry-after'], now);",
    broken: 'const retryAfter = parseRetryAfter(undefined, now);',
  },
  {
    name: 'deliver to a paused subscriber',
    file: 'lambdas/domain/deliveries/delivery-plan.ts',
    line: "if (config.status === 'paused')",
    broken: 'if (false)',
  },
  {
    name: 'lose an update in the reconciler',
    file: 'lambdas/provision/reconcile.ts',
    line: 'const prepared = preparation(config, state, run, now);',
    broken:
      "if (state?.provisioning === 'ready') return { kind: 'ready', route: undefined };\n  const prepared = preparation(config, state, run, now);",
  },
  // Beyond the ten.
  {
    name: 'let two runs meet',
    file: 'lambdas/provision/reconcile.ts',
    line: 'const taken = await leases.take(subscriptionId, { holder, now, until: endsAt + settlingMs });',
    broken: 'const taken = (await leases.take(subscriptionId, { holder, now, until: endsAt + settlingMs })) ?? {};',
  },
  {
    name: 'take a dying queue for a queue',
    file: 'lambdas/provision/reconcile.ts',
    line: 'const dying = dyingQueue(run);',
    broken: 'const dying = run.unsettled.queueDeletedAt === -1 ? dyingQueue(run) : undefined;',
  },
  {
    name: 'call a rule ready before it matches',
    file: 'lambdas/provision/reconcile.ts',
    line: 'return { stopped: stopped ?? youngRule(run), stoppedAt, isWhole: isWhole(existing) };',
    broken: 'return { stopped, stoppedAt, isWhole: isWhole(existing) };',
  },
  {
    name: 'take an update that Lambda gave up for done',
    file: 'lambdas/domain/routes/route-plan.ts',
    line: '...(wanted.description === there.description ? [] : [...(isNamed ? [takeBack] : []), change]),',
    broken: '',
  },
  {
    name: 'forget what finds another run at work',
    file: 'lambdas/provision/control.ts',
    line: "if (result.kind === 'busy') return await waitForOther(message);",
    broken: "if (result.kind === 'busy') return;",
  },
  {
    name: 'keep for the new url what was decided about the old one',
    file: 'lambdas/provision/reconcile.ts',
    line: 'if (state !== undefined && (isAnother || stoppedBefore(state, endpointChangedAt))) {',
    broken: 'if (false) {',
  },
  {
    name: 'skip a shard of what is due',
    file: 'lambdas/provision/due-deliveries.ts',
    line: 'Array.from({ length: dueShards }',
    broken: 'Array.from({ length: dueShards - 1 }',
  },
  {
    name: 'let a cancelled replay take the event along',
    file: 'lambdas/domain/deliveries/delivery-plan.ts',
    line: 'rank(copy) - rank(best) || isReplay(copy) - isReplay(best) ||',
    broken: '',
  },
  {
    name: 'take a refusal for a failure',
    file: 'lambdas/domain/deliveries/endpoint-health.ts',
    line: 'status === 429 || status >= 500',
    broken: 'status === 429 || status >= 400',
  },
  {
    name: 'delete a message before the ledger has its event',
    file: 'lambdas/deliver/deliver-messages.ts',
    line: '? [{ message, record, isBesidesRetries }]\n        : [{',
    broken: '? [{ message }]\n        : [{',
  },
  {
    name: 'give one fact two ids',
    file: 'lambdas/domain/events/derive.ts',
    line: 'const time = ownTime(cause);',
    broken: 'const time = now;',
  },
  {
    name: 'fire without a lease',
    file: 'lambdas/inactivity/emit/handler.ts',
    line: 'if (!(await conversations.replace(conversationKey, stored, taken))) continue;',
    broken: 'await conversations.replace(conversationKey, stored, taken);',
  },
  {
    name: 'forget what a run began to publish',
    file: 'lambdas/domain/inactivity/inactivity-timer.ts',
    line: "if (stored.publishing !== undefined) return { kind: 'fire', lastActivityAt: stored.publishing, since };",
    broken: '',
  },
  {
    name: 'take a mirror for a close',
    file: 'lambdas/domain/events/derive.ts',
    line: 'derivedId, now), cause: type, causedBy },',
    broken: 'derivedId, now) },',
  },
  {
    name: 'round a 64-bit id',
    file: 'lambdas/json/json.ts',
    line: 'return String(value) === token ? value : JSON.rawJSON(token);',
    broken: 'return value;',
  },
  {
    name: 'call every answer a success',
    file: 'lambdas/domain/deliveries/attempt-outcome.ts',
    line: 'status >= 200 && status < 300',
    broken: 'status >= 200 && status < 400',
  },
  {
    name: 'leave the rule of a deleted subscription',
    file: 'lambdas/domain/routes/route-plan.ts',
    line: "...(rule === undefined ? [] : [{ kind: 'delete-rule', name: names.rule } as const]),",
    broken: '',
  },
  {
    name: 'look away from what was accepted',
    file: 'lambdas/domain/inactivity/inactivity-timer.ts',
    line: "if (change.kind === 'arm') return { kind: 'rearm', next: change.next };",
    broken: '',
  },
  {
    name: 'look away from an inactivity of Drift that was accepted',
    file: 'lambdas/domain/inactivity/inactivity-timer.ts',
    line: 'settledAt: acceptedSettledAt,',
    broken: '',
  },
  {
    name: 'take a close in seconds for the beginning of its second',
    file: 'lambdas/domain/inactivity/activity.ts',
    line: 'data.changedAt === at / 1000 ? at + 999 : at',
    broken: 'at',
  },
  {
    name: 'let a note reopen a closed conversation',
    file: 'lambdas/domain/inactivity/activity.ts',
    line: 'return isByContact(data.author) ? { at, openedAt: at } : { at };',
    broken: 'return { at, openedAt: at };',
  },
  {
    name: 'put on the bus what SQS refuses',
    file: 'lambdas/aws/event-bridge-publisher.ts',
    line: 'const text = queueSafeJson(JSON.stringify(detail));',
    broken: 'const text = JSON.stringify(detail);',
  },
  {
    name: 'one id for all edits of a message',
    file: 'lambdas/domain/events/webhook-id.ts',
    line: 'canonicalJson([messageType, createdAt, editedMessageId, body])',
    broken: 'canonicalJson([messageType])',
  },
  {
    name: 'one id for all pushes without a time',
    file: 'lambdas/domain/events/webhook-id.ts',
    line: 'String(Math.floor(receivedAt / timelessFactMs))',
    broken: "''",
  },
  {
    name: 'explain a delivered event by the rule alone',
    file: 'lambdas/domain/history/explanation.ts',
    line: 'if (own !== undefined) return fromLedger(own, subscription, now);',
    broken: '',
  },
  {
    name: 'take a resend for a copy',
    file: 'lambdas/domain/deliveries/delivery-plan.ts',
    line: 'if (replaysDelivered) return isStillAskedFor(message, record);',
    broken: 'if (replaysDelivered) return false;',
  },
  {
    name: 'let a resend through for ever',
    file: 'lambdas/domain/deliveries/delivery-plan.ts',
    line: 'return message.isResend && (record === undefined || isStillAskedFor(message, record));',
    broken: 'return message.isResend;',
  },
  {
    name: 'take what was turned away a few times for a dead letter',
    file: 'lambdas/domain/routes/desired-route.ts',
    line: 'const maxReceiveCount = 1000;',
    broken: 'const maxReceiveCount = 4;',
  },
  {
    name: 'keep long delays in the queue',
    file: 'lambdas/domain/deliveries/retry-schedule.ts',
    line: 'export const maxQueueWaitSeconds = 5 * 60;',
    broken: 'export const maxQueueWaitSeconds = 11 * 60 * 60;',
  },
  {
    name: 'ask again with each copy of a resend',
    file: 'lambdas/domain/deliveries/delivery-ledger.ts',
    line: 'return message.replayName !== record.replayName && message.sentAt >=',
    broken: 'return message.replayName !== record.replayName || 0 >=',
  },
  {
    name: 'keep the state of what is deleted',
    file: 'lambdas/provision/reconcile.ts',
    line: 'await subscriptions.removeState(subscriptionId);',
    broken: '',
  },
  {
    name: 'take seconds for milliseconds',
    file: 'lambdas/domain/events/drift-event.ts',
    line: 'time * 1000 : time;',
    broken: 'time : time;',
  },
];
