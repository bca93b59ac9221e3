import { integerValue, type JsonObject } from '../../lambdas/json/json.ts';
import type { Random } from './random.ts';

/** What Drift posts, and when. */
export interface Post {
  readonly at: number;
  readonly orgId: string;
  readonly type: string;
  readonly data: JsonObject;
}

/** The last does not fit into a double. */
export const orgIds = ['1', '77', '9007199254740993'] as const;

const second = 1_000;
const minute = 60 * second;

/**
 * The conversations of some days, about so many a day. They come in rushes, as visitors do: what happens at once is what
 * gets into each other's way.
 */
export function writeScript(
  random: Random,
  { from, days, rushes }: { readonly from: number; readonly days: number; readonly rushes: readonly number[] },
  conversationsPerDay: number,
): Post[] {
  const length = days * 24 * 60 * minute;
  const posts: Post[] = [];
  const inactivities = random.fork('inactivities');
  for (let index = 0; index < conversationsPerDay * days; index++) {
    const startsAt = random.chance(0.7)
      ? random.pick(rushes) + random.integer(0, 5 * minute)
      : from + random.integer(0, length);
    const script = [...conversation(random, startsAt, 1_000 + index)];
    posts.push(...script);
    if (inactivities.chance(0.06)) posts.push(inactivityAfter(inactivities, inactivities.pick(script)));
  }
  return posts;
}

function* conversation(random: Random, startsAt: number, number: number): Generator<Post> {
  const orgId = random.pick(orgIds);
  const isWide = random.chance(0.1);
  const conversationId = isWide ? integerValue(`92233720368547${String(number).padStart(5, '0')}`) : number;
  let at = startsAt;
  let messages = 0;
  const id = () => integerValue(`63576054${String(number).padStart(6, '0')}${String(++messages).padStart(3, '0')}`);
  const post = (type: string, data: JsonObject): Post => ({ at: at + lateness(random), orgId, type, data });
  const message = (body: string, author: JsonObject, type = 'chat') => ({
    id: id(),
    orgId: integerValue(orgId),
    conversationId,
    body,
    author,
    type,
    createdAt: at,
  });
  const contact = { type: 'contact', id: 900 + number, bot: false };
  const agent = { type: 'user', id: 243266, bot: false };

  yield post('new_conversation', { id: conversationId, status: 'open', contactId: 900 + number, createdAt: at });
  const steps = random.integer(1, 8);
  for (let step = 0; step < steps; step++) {
    at += pause(random);
    switch (
      random.weighted([
        [38, 'contact'],
        [4, 'edit'],
        [18, 'agent'],
        [8, 'bot'],
        [6, 'button'],
        [7, 'sync'],
        [9, 'close'],
        [4, 'reopen'],
        [2, 'push'],
        [8, 'other'],
      ])
    ) {
      case 'contact':
        yield post('new_message', message(`<p>Hi, do you ship to Norway?${oddText(random)}</p>`, contact));
        break;
      case 'edit': {
        // Twice, under the id of the message; the second is what a reader must end with.
        const edited = message('<p>Hi, do you ship to Sweden?</p>', contact, 'edit');
        yield post('new_message', edited);
        yield post('new_message', { ...edited, body: '<p>Hi, do you ship to Denmark?</p>' });
        break;
      }
      case 'agent':
        yield post('new_message', message('<p>We do.</p>', agent));
        break;
      case 'bot':
        yield post('new_message', message('How can we help?', { ...agent, bot: true }));
        break;
      case 'button':
        yield post('button_clicked', message('Book a meeting', contact));
        break;
      case 'sync': {
        const command = message('<p>/sync</p>', agent, 'private_note');
        yield post('new_message', command);
        yield post('new_command_message', command);
        break;
      }
      case 'close':
        yield post('conversation_status_updated', {
          conversationId,
          status: 'closed',
          changedAt: random.chance(0.1) ? Math.floor(at / second) : at,
        });
        break;
      case 'reopen':
        yield post('conversation_status_updated', { conversationId, status: 'open', changedAt: at });
        break;
      case 'push':
        if (random.chance(0.5)) {
          // As Drift's button may send it: the same data each time.
          yield post('conversation_manual_push', { conversationId });
          at += random.integer(0, 40) * minute;
          yield post('conversation_manual_push', { conversationId });
        } else {
          yield random.chance(0.5)
            ? post('conversation_manual_push', { conversationId, lastUpdated: at })
            : post('conversation_push', { conversationId, lastUpdated: at });
        }
        break;
      default:
        yield random.chance(0.5)
          ? post('phone_captured', { conversationId, authorId: 900 + number, phoneNumber: `+47 ${number} ${step}` })
          : post('not_yet_invented', { conversationId, at, exact: integerValue('9223372036854775807') });
    }
  }
}

/** Drift's own: a moment before ours, or after it; its time is not always to the millisecond that of what happened last. */
function inactivityAfter(random: Random, { at, orgId, data }: Post): Post {
  const { conversationId = data.id ?? null, createdAt = at } = data;
  const lastUpdated = Number(createdAt) - (random.chance(0.5) ? random.integer(1, 700) : 0);
  return {
    at: Number(createdAt) + 10 * minute - random.integer(-4 * second, 8 * second),
    orgId,
    type: 'conversation_inactive',
    data: { conversationId, lastUpdated },
  };
}

/** To the next step; sometimes until a quiet period ends: a moment before it may not come too late, a moment after it meets what fires. */
function pause(random: Random): number {
  if (random.chance(0.3)) return random.integer(0, 300);
  return random.chance(0.15)
    ? 10 * minute - random.integer(-8 * second, 4 * second)
    : random.spread(second, 18 * minute);
}

/** What JSON can hold and a queue may refuse. */
function oddText(random: Random): string {
  return random.chance(0.2) ? random.pick(['\uffff', '\ufffe', '\ud83d', '\ude00', '\u0000', '\u241b', '👋']) : '';
}

/** From an event to Drift's post: a moment, or after an outage of theirs much longer. */
function lateness(random: Random): number {
  return random.chance(0.05) ? random.spread(3 * second, 40 * minute) : random.spread(30, 2 * second);
}
