/**
 * From now on this thread's time is ahead of the system's. Timers are not: they measure how long something takes.
 * @param {() => number} aheadMs
 */
export function moveDates(aheadMs) {
  const SystemDate = Date;
  globalThis.Date = class MovedDate extends SystemDate {
    constructor(...given) {
      if (given.length === 0) super(SystemDate.now() + aheadMs());
      else super(...given);
    }

    static now() {
      return SystemDate.now() + aheadMs();
    }
  };
}
