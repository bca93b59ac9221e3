// Loaded before a command of a drill: its time is the local run's.
import { moveDates } from '../../../local/aws/runtime/moved-date.mjs';

const aheadMs = Number(process.env.DRILL_AHEAD_MS);
moveDates(() => aheadMs);
