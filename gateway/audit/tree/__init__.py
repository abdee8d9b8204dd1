"""Hash entries into an RFC 6962 tree: checkpoints, cosignatures, proofs and tiles."""
