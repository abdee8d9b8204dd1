"""The national authority: key files, certificate profiles and the one use that each certificate names."""
