"""Keys in a security module (PKCS#11): their URIs, PINs and places, the module itself, and keys that sign in it."""
