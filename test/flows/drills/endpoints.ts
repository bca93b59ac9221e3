import type { Answer } from '../../../lab/support/subscriber.ts';
import type { Scene } from './scene.ts';

export const healthy: Answer = (_delivery, response) => void response.writeHead(200).end();
export const failing: Answer = (_delivery, response) => void response.writeHead(500).end();

/** An endpoint that takes so many seconds of the local run's time for an answer. Until `begin` it answers nothing. */
export function slowEndpoint(seconds: number) {
  const waiting: Parameters<Answer>[1][] = [];
  let ticking: NodeJS.Timeout | undefined;
  const answer: Answer = (_delivery, response) => void waiting.push(response);
  return {
    answer,
    /** A second at a time: what others have under way must not seem to take longer than it may. */
    begin(scene: Scene): void {
      let left = seconds;
      ticking = setInterval(() => {
        if (waiting.length === 0) return;
        scene.skip(1);
        if (--left > 0) return;
        left = seconds;
        for (const response of waiting.splice(0)) response.writeHead(200).end();
      }, 5);
    },
    end: () => clearInterval(ticking),
  };
}
