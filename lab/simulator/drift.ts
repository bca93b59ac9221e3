import { integerValue } from '../../lambdas/json/json.ts';
import type { Post } from './conversation-script.ts';
import type { FaultWeather } from './fault-weather.ts';
import type { Functions } from './functions.ts';
import type { PublishedEvents } from './published-events.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Violations } from './violations.ts';

interface Options {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly weather: FaultWeather;
  readonly functions: Functions;
  readonly facts: PublishedEvents;
  readonly violations: Violations;
  readonly token: string;
}

/** Posts what the script says. How Drift treats a failure is not documented: it may post again, twice, or never. */
export class Drift {
  readonly #options: Options;
  underWay = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  play(script: readonly Post[]): void {
    const { scheduler, random, weather } = this.#options;
    for (const post of script) {
      scheduler.setTimer(post.at, () => void this.#post(post));
      if (weather.strikes('careless-drift')) {
        scheduler.setTimer(post.at + random.spread(200, 3 * 60 * 60_000), () => void this.#post(post));
      }
    }
  }

  async #post(post: Post): Promise<void> {
    this.underWay++;
    const { scheduler, random, weather, functions, facts, violations, token } = this.#options;
    const { orgId, type, data } = post;
    const body = JSON.stringify({ orgId: integerValue(orgId), type, token, data });
    facts.onPosting(post);
    for (;;) {
      const postedAt = scheduler.now();
      const response = await functions.request('ingest', { body });
      if (response?.statusCode === 202) {
        facts.onAccepted(post, postedAt);
        break;
      }
      if (response !== undefined && response.statusCode !== 503) {
        violations.report(
          'a good post is accepted',
          `${type} was answered ${response.statusCode}: ${response.body}`,
          [],
        );
        break;
      }
      if (weather.strikes('careless-drift')) break;
      await scheduler.sleep(random.spread(1_000, 300_000));
    }
    this.underWay--;
  }
}
