import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { deriveBroadcasts } from '../domain/events/derive.ts';
import type { EventDetail } from '../domain/events/drift-event.ts';
import {
  maxEventBytes,
  maxNestingDepth,
  maxPostBytes,
  readDriftEvent,
  readDriftPost,
} from '../domain/events/drift-post.ts';
import { eventSources } from '../domain/events/event-types.ts';
import type { LegacyTimeline } from '../domain/events/legacy-timeline.ts';
import { activityOf, uselessIdField } from '../domain/inactivity/activity.ts';
import { conversationKeyOf } from '../domain/inactivity/conversation-key.ts';
import { problemResponse, problemResponses } from '../http/problem-responses.ts';
import { nestingDepth } from '../json/json.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventPublisher } from '../ports/event-publisher.ts';
import type { Log, Metrics } from '../ports/telemetry.ts';
import { flushMetrics } from '../telemetry/flush-metrics.ts';
import type { AcceptedActivities, DriftTokens } from './ports.ts';
import { postedText } from './posted-text.ts';
import { isAccepted } from './token-check.ts';

export interface IngestDeps {
  readonly tokens: DriftTokens;
  readonly publisher: EventPublisher;
  readonly activities: AcceptedActivities;
  readonly timeline: LegacyTimeline;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** How long Drift is asked to wait before it posts again. */
const retryAfterSeconds = 5;

/** `POST /drift/events`: what Drift posts goes on the bus, with all that follows from it, in one call. */
export function createIngestHandler({ tokens, publisher, activities, timeline, clock, metrics, log }: IngestDeps) {
  function refuse(reason: string, response: APIGatewayProxyStructuredResultV2): APIGatewayProxyStructuredResultV2 {
    metrics.add('EventsRefused', 1, { reason });
    log.warn('post refused', { reason, status: response.statusCode });
    return response;
  }
  const refuseToken = () =>
    refuse(
      'bad-token',
      problemResponse(401, 'Unauthorized', {
        detail:
          "Drift's verification token is missing or wrong: send it as `token` in the body or as the header X-Verification-Token",
      }),
    );
  const refuseSize = (what: string, maxBytes: number) =>
    refuse(
      'too-large',
      problemResponse(413, 'Content Too Large', {
        detail: `${what} is larger than ${maxBytes} bytes, which is more than is kept of an event until it is delivered`,
      }),
    );
  const refuseField = (field: string, reason: string) =>
    refuse(
      'invalid',
      problemResponse(400, 'Bad Request', { detail: `${field} ${reason}`, errors: [{ field, detail: reason }] }),
    );

  /**
   * What is accepted before a quiet period ends counts, however long it is on its way to the timers. Without the note it
   * still counts once it has arrived, so a post does not fail for it.
   */
  async function noteActivity(detail: EventDetail | undefined): Promise<void> {
    const found = detail && activityOf(detail);
    if (found === undefined) return;
    try {
      await activities.note(conversationKeyOf(found.orgId, found.conversationId), found.activity);
    } catch (error) {
      metrics.add('ActivityNotNoted', 1);
      log.error('an activity could not be noted', { error });
    }
  }

  return middy(async (request: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
    const { 'content-encoding': encoding = 'identity' } = request.headers;
    if (encoding.trim().toLowerCase() !== 'identity') {
      return refuse(
        'encoded',
        problemResponse(415, 'Unsupported Media Type', {
          detail: 'the body has a content-encoding: send it as plain JSON',
          headers: { 'accept-encoding': 'identity' },
        }),
      );
    }
    const headerToken = request.headers['x-verification-token'];
    if (headerToken !== undefined && !(await isAccepted(headerToken, tokens))) return refuseToken();

    const posted = postedText(request);
    if (posted.kind === 'too-large') return refuseSize('the body', maxPostBytes);
    if (posted.kind === 'invalid') return refuseField('body', posted.reason);
    const post = readDriftPost(posted.text);
    if (post.kind === 'invalid') return refuseField(post.field, post.reason);
    if (post.token === undefined && headerToken === undefined) return refuseToken();
    if (post.token !== undefined && !(await isAccepted(post.token, tokens))) return refuseToken();

    const read = readDriftEvent(post.readBody());
    if (read.kind === 'invalid') return refuseField(read.field, read.reason);
    const { event } = read;

    const { kind, broadcasts } = deriveBroadcasts(event, clock(), timeline);
    // A derived event wraps its cause and so is nested deeper than what was posted.
    if (broadcasts.some(({ detail }) => nestingDepth(JSON.stringify(detail)) > maxNestingDepth)) {
      return refuseField('data', `is nested too deep for what is derived from it (${maxNestingDepth} levels)`);
    }
    const outcome = await publisher.publish(broadcasts);
    switch (outcome.kind) {
      case 'too-large':
        return refuseSize(`the ${outcome.type} event`, maxEventBytes);
      case 'failed':
        metrics.add('PublishFailed', 1);
        log.error('could not publish', { type: event.type, orgId: event.orgId, reason: outcome.reason });
        return problemResponse(503, 'Service Unavailable', {
          detail: 'the event bus did not take the event; post it again, it keeps its id',
          headers: { 'retry-after': String(retryAfterSeconds) },
        });
      case 'published': {
        await noteActivity(broadcasts[0]?.detail);
        const events = broadcasts
          .filter(({ source }) => source === eventSources.drift)
          .map(({ detail }) => ({ id: detail.id, type: detail.type }));
        metrics.add('EventsReceived', 1);
        metrics.add('EventsBroadcast', events.length);
        log.info('accepted', { type: event.type, orgId: event.orgId, superseded: kind === 'superseded', events });
        const useless = uselessIdField(event);
        return accepted(
          kind === 'superseded'
            ? {
                status: 'accepted',
                superseded: true,
                detail: 'each cause makes its own conversation_push here; this one was not broadcast',
                events,
              }
            : useless !== undefined
              ? {
                  status: 'accepted',
                  detail: `data.${useless} is not an id, so neither a push nor a quiet period follows from this event`,
                  events,
                }
              : { status: 'accepted', events },
        );
      }
      default:
        throw outcome satisfies never;
    }
  })
    .use(problemResponses(log))
    .use(flushMetrics(metrics));
}

function accepted(body: Record<string, unknown>): APIGatewayProxyStructuredResultV2 {
  return { statusCode: 202, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
