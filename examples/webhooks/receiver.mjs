// A receiver of webhooks: checks who sent it, takes each event once, and does the work afterwards.
//
// ERPGRAPH_WEBHOOK_SECRET has the secret that webhookCreate showed; several are separated by blanks while one is replaced.
import { createServer } from "node:http";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const secrets = process.env.ERPGRAPH_WEBHOOK_SECRET.split(" ").map((secret) => new Webhook(secret));
const most = 1_000_000;

const taken = new Set(); // in a real one: a table with a unique column, written in the transaction that does the work

/** The message, if it is from the sender and of these minutes; else null. */
function verified(body, headers) {
  for (const secret of secrets) {
    try {
      return secret.verify(body, headers);
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
    }
  }
  return null;
}

const server = createServer(async (request, response) => {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > most) return response.writeHead(413, { connection: "close" }).end();
    parts.push(part);
  }
  const body = Buffer.concat(parts); // the very bytes: what is parsed and written again has another signature
  const message = verified(body, request.headers);
  if (message === null) return response.writeHead(401).end();
  const id = request.headers["webhook-id"];
  if (!taken.has(id)) {
    // it may come again, under the same id
    taken.add(id);
    console.log(JSON.stringify({ id, ...message }));
  }
  response.writeHead(204).end();
});

server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
