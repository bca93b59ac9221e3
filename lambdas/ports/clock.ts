/** Epoch milliseconds. Time is handed in everywhere below the entries. */
export type Clock = () => number;
