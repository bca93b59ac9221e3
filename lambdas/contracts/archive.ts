/** How long the bus's archive keeps events, which is how far back a replay of `missed` reaches. */
export const archiveDays = 30;
