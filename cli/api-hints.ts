/** What the API's texts advise, and the command that does it. */
const commands: readonly (readonly [RegExp, string])[] = [
  [/PATCH \/v1\/subscriptions\/(\S+) \{"status": "active"\}/g, 'fanout subscriptions resume $1'],
  [/POST \/v1\/subscriptions\/(\S+)\/deliveries\/(\S+)\/resend/g, 'fanout deliveries resend $1 $2'],
];

/** A text of the API for somebody who sits at the command line. */
export function inCommands(text: string): string {
  return commands.reduce((said, [request, command]) => said.replace(request, command), text);
}
