import { billOf } from './bill.ts';
import { readCase } from './flags.ts';
import { billJson, billText } from './print.ts';
import { readUnits } from './units.ts';

const units = readUnits();
const asked = readCase(process.argv.slice(2), units);
switch (asked.kind) {
  case 'bill': {
    const bill = billOf(asked.load, units);
    console.log((asked.json ? billJson : billText)(asked.load, bill, units));
    break;
  }
  case 'measure': {
    // The local run and the CDK are loaded for this alone.
    const { measure } = await import('./local-run/measure.ts');
    await measure();
    process.exit(0);
    break;
  }
  case 'write': {
    const { writeDocuments } = await import('./documents/write-documents.ts');
    for (const path of writeDocuments(units)) console.log(`written: ${path}`);
    break;
  }
  default:
    asked satisfies never;
}
