import type { Section } from './section.ts';
import { sections } from './sections.ts';

/**
 * Runs one section and sends its report to the parent: a process of its own, so that no section runs on what another
 * has left in memory. What the measured functions log goes to this process's standard output.
 */
const [name = '', quick] = process.argv.slice(2);
const load = sections[name];
if (load === undefined) throw new Error(`there is no section ${name}`);
const run: Section = await load();
const report = await run({ quick: quick === 'quick' });
process.send?.(report, () => process.exit(0));
