const secondsPer = { '': 1, s: 1, m: 60, h: 3600 } as const;

/** `600`, `600s`, `10m`, `1h` in whole seconds; undefined where the text is none of these. */
export function parseDurationSeconds(text: string): number | undefined {
  const found = /^(\d{1,9})(s|m|h|)$/.exec(text.trim());
  if (found === null) return undefined;
  return Number(found[1]) * secondsPer[found[2] as keyof typeof secondsPer];
}
