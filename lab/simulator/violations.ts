/** An invariant that did not hold. */
export interface Violation {
  readonly invariant: string;
  readonly text: string;
  /** What to look for in the history. */
  readonly about: readonly string[];
}

export class Violations {
  readonly found: Violation[] = [];

  report(invariant: string, text: string, about: readonly string[]): void {
    this.found.push({ invariant, text, about });
  }

  get any(): boolean {
    return this.found.length > 0;
  }
}
