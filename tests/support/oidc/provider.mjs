// A national identity provider for tests: npm oidc-provider over mutual TLS. It reads its settings from stdin (JSON)
// and prints a line once it listens. Its access tokens are officer tokens.
import https from "node:https";
import process from "node:process";
import Provider from "oidc-provider";

let text = "";
for await (const part of process.stdin.setEncoding("utf-8")) text += part;
const set = JSON.parse(text);
const { officer } = set;

const provider = new Provider(set.issuer, {
  clients: [
    {
      client_id: "console",
      redirect_uris: [set.redirect_uri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "tls_client_auth",
      tls_client_auth_san_uri: set.client_uri,
      tls_client_certificate_bound_access_tokens: true,
      id_token_signed_response_alg: "ES256",
      require_pushed_authorization_requests: true,
      require_auth_time: true,
    },
  ],
  clientAuthMethods: ["tls_client_auth"],
  jwks: { keys: [set.key] },
  cookies: { keys: ["only-for-tests"] },
  enabledJWA: { idTokenSigningAlgValues: ["ES256"] },
  clientDefaults: { id_token_signed_response_alg: "ES256" },
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    mTLS: {
      enabled: true,
      tlsClientAuth: true,
      certificateBoundAccessTokens: true,
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate(),
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) =>
        property === "tls_client_auth_san_uri" &&
        ctx.socket.getPeerX509Certificate().subjectAltName === `URI:${expected}`,
    },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({
        scope: "",
        audience: resource,
        accessTokenTTL: set.lifetime_s,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "ES256" } },
      }),
      useGrantedResource: () => true,
    },
  },
  issueRefreshToken: () => true,
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: () => officer,
  formats: {
    customizers: {
      jwt: (_ctx, _token, made) => {
        made.header = { typ: "liaison-officer+jwt" };
        for (const name of ["client_id", "scope", "authorization_details"]) delete made.payload[name];
      },
    },
  },
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid");
    await grant.save();
    return grant;
  },
});

for (const event of ["server_error", "pushed_authorization_request.error", "authorization.error", "grant.error"])
  provider.on(event, (_ctx, error) => process.stderr.write(`${event}: ${error.stack}\n${error.error_description}\n`));

const server = https.createServer(
  { key: set.tls_key, cert: set.tls_certificate, ca: set.client_ca, requestCert: true, rejectUnauthorized: false },
  provider.callback(),
);
server.listen(set.port, "127.0.0.1", () => process.stdout.write("listens\n"));
