"""Verify passkeys (WebAuthn level 3): the registration of one, and what its authenticator signs."""
