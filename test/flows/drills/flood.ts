import { once } from 'node:events';
import { connect } from 'node:net';

const batch = 1000;

/** Requests for what the API does not have, a thousand at a time over one connection. Resolves once they are answered. */
export async function flood(api: string, requests: number): Promise<void> {
  const { hostname, port, host } = new URL(api);
  const socket = connect(Number(port), hostname);
  const request = `GET /flood HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
  let answers = 0;
  let rest = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    const parts = (rest + text).split('HTTP/1.1 404');
    answers += parts.length - 1;
    rest = parts.at(-1)?.slice(-20) ?? '';
  });
  for (let sent = 0; sent < requests; sent += batch) {
    socket.write(request.repeat(batch));
    while (answers < sent + batch) await once(socket, 'data');
  }
  socket.destroy();
}
