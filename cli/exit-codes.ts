/** What a script can tell from the exit status alone. The help and docs/cli.md say the same. */
export const exitCodes = {
  ok: 0,
  /** The API understood the request and refused it: a field is wrong, it changed meanwhile, a limit is reached. */
  refused: 1,
  /** Wrong usage: an unknown option, a value that cannot be read, a file that is not there. */
  usage: 2,
  /** Nothing answers there, or something that is not this API. */
  unreachable: 3,
  notFound: 4,
  /** No credentials, credentials that are not allowed to, or a wrong Drift token. */
  notAllowed: 5,
  /** The API failed (5xx), or asks to slow down: worth another try. */
  failed: 6,
  /** The request was carried out and the answer is no: no match, the subscriber refused the test, provisioning rejected it, a resend was refused. */
  negative: 7,
  /** `--wait` gave up before it was ready. */
  stillWaiting: 8,
  /** A bug of this command. */
  bug: 70,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `Exit codes:
  0  done                              5  not allowed: credentials or Drift token
  1  the API refused the request       6  the API failed, or asks to slow down
  2  wrong usage                       7  carried out, and the answer is no
  3  unreachable                       8  --wait gave up before it was ready
  4  not found`;
