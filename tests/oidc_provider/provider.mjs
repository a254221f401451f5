// A real OIDC provider on the loopback: `node provider.mjs FILE`. FILE is JSON that tests write: the client's redirect_uris
// and secret, addresses to go on to after sign-out, and accounts with their claims. It is read again whenever an account is asked for.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const file = process.argv[2];
const read = () => JSON.parse(readFileSync(file, "utf-8"));
const { redirect_uris, post_logout_redirect_uris, client_secret, claims_in_id_token } = read();

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "packtrain",
        ...(client_secret ? { client_secret } : { token_endpoint_auth_method: "none" }),
        redirect_uris,
        post_logout_redirect_uris,
      },
    ],
    claims: {
      openid: ["sub"],
      profile: ["name", "preferred_username", "groups"],
      email: ["email", "email_verified"],
    },
    conformIdTokenClaims: !claims_in_id_token,
    cookies: { keys: ["a key of the tests"] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_context, sub) => {
      const claims = read().accounts[sub];
      return claims && { accountId: sub, claims: () => ({ sub, ...claims }) };
    },
    pkce: { required: () => true },
    ttl: { AuthorizationCode: 60, AccessToken: 600, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
  });
  server.on("request", provider.callback());
  console.log(`issuer ${issuer}`);
});
