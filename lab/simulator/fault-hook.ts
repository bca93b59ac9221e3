/**
 * Preloaded with `node --import`: breaks the line of the product that SIMULATED_FAULT names, in memory, as the module is
 * loaded. Throws where that line is not there any more: a fault that is not introduced would look as if it were not found.
 */
import { registerHooks } from 'node:module';
import { productFaults } from './fault-list.ts';

const name = process.env.SIMULATED_FAULT;
const fault = productFaults.find((candidate) => candidate.name === name);
if (fault === undefined) throw new Error(`SIMULATED_FAULT is none of the faults: ${name}`);
const url = new URL(`../../${fault.file}`, import.meta.url).href;

registerHooks({
  load(loadedUrl, context, nextLoad) {
    const loaded = nextLoad(loadedUrl, context);
    if (loadedUrl !== url) return loaded;
    const [before, after, ...more] = String(loaded.source).split(fault.line);
    if (before === undefined || after === undefined || more.length > 0) {
      throw new Error(`${fault.file} has not exactly one ${JSON.stringify(fault.line)}`);
    }
    return { ...loaded, source: before + fault.broken + after };
  },
});
